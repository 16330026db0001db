import { generateKeyPairSync } from 'node:crypto';
import { jest } from '@jest/globals';
import { FrostSession, type SessionTerms } from '@bulkhead/keys';
import { OpenSessions, SESSION_MS } from './open-sessions.js';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const identity = { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), certificate: '' };

function sessionOf(id: string): FrostSession {
  const members = ['signer-a', 'signer-b'];
  const terms: SessionTerms = { purpose: 'generate', session: id, group: 'alpha-tap', threshold: 2, members };
  return new FrostSession(terms, { member: 'signer-a', identity, fingerprints: () => undefined });
}

describe('sessions that are left open', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are forgotten when their time is over, though nobody calls again', () => {
    const sessions = new OpenSessions();
    const session = sessionOf('aa'.repeat(32));
    const forgotten = jest.spyOn(session, 'abort');
    sessions.begin('one', session);
    jest.advanceTimersByTime(SESSION_MS - 1);
    expect(sessions.find('one')).toBe(session);
    expect(forgotten).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(forgotten).toHaveBeenCalledTimes(1);
    expect(sessions.find('one')).toBeUndefined();
    // nothing can be done with it any more
    expect(session.announce()).toMatchObject({ ok: false, refusal: { code: 'mpc.session-unknown' } });
  });

  it('keep no process alive, and leave no timer behind when they end before', () => {
    const sessions = new OpenSessions();
    const started = jest.spyOn(globalThis, 'setTimeout');
    sessions.begin('one', sessionOf('aa'.repeat(32)));
    const timer = started.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    sessions.end('one');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are so many at most, each of its own name', () => {
    const sessions = new OpenSessions();
    for (let count = 0; count < 8; count += 1) {
      expect(sessions.hasRoom(`session-${count}`)).toBe(true);
      sessions.begin(`session-${count}`, sessionOf('aa'.repeat(32)));
      expect(sessions.hasRoom(`session-${count}`)).toBe(false);
    }
    expect(sessions.hasRoom('another')).toBe(false);
    sessions.end('session-3');
    expect(sessions.hasRoom('another')).toBe(true);
  });
});
