import { randomBytes } from 'node:crypto';
import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { openKeyStore, type KeyStore, type TokenRecord } from '@bulkhead/keys';
import { codeOf } from '../support/outcome.js';
import { softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(60_000);

const record = (epoch: number, generation: number, value = 'x', holder = 'ab'.repeat(16)): TokenRecord => ({
  epoch,
  generation,
  holder,
  value,
});

describe('the record in a token', () => {
  let token: SofthsmFolder;
  let store: KeyStore;
  beforeEach(async () => {
    token = await softhsmToken('record');
    store = await openKeyStore(token);
  });
  afterEach(async () => {
    await store.close();
    token.remove();
  });

  it('is written, read again by another process, and moves forward only', async () => {
    expect(orThrow(await store.readRecord())).toBeNull();
    expect(codeOf(await store.advanceRecord(null, record(1, 0)))).toBe('accepted');
    expect(codeOf(await store.advanceRecord(record(1, 0), record(1, 1, 'y')))).toBe('accepted');
    expect(codeOf(await store.advanceRecord(record(1, 1, 'y'), record(1, 1, 'z')))).toBe('request.malformed');
    expect(codeOf(await store.advanceRecord(record(1, 1, 'y'), record(1, 0)))).toBe('request.malformed');
    await store.close();
    store = await openKeyStore(token);
    expect(orThrow(await store.readRecord())).toEqual(record(1, 1, 'y'));
  });

  it('is replaced only by who knows what it is', async () => {
    orThrow(await store.advanceRecord(null, record(1, 0)));
    expect(codeOf(await store.advanceRecord(null, record(2, 0)))).toBe('keys.record-moved');
    expect(codeOf(await store.advanceRecord(record(1, 0, 'other'), record(2, 0)))).toBe('keys.record-moved');
    expect(orThrow(await store.readRecord())).toEqual(record(1, 0));
  });

  it('may be written twice: a module host that died may have done it', async () => {
    orThrow(await store.advanceRecord(null, record(1, 0)));
    expect(codeOf(await store.advanceRecord(null, record(1, 0)))).toBe('accepted');
    expect(codeOf(await store.advanceRecord(record(1, 0), record(1, 1)))).toBe('accepted');
    expect(codeOf(await store.advanceRecord(record(1, 0), record(1, 1)))).toBe('accepted');
    expect(orThrow(await store.readRecord())).toEqual(record(1, 1));
  });

  it('is moved from one place by one of two processes, however they race', async () => {
    const rival = await openKeyStore(token);
    let held: TokenRecord | null = null;
    for (let round = 1; round <= 30; round += 1) {
      const [mine, theirs] = [store, rival].map(() => record(round, 0, 'x', randomBytes(16).toString('hex')));
      const answers: readonly { readonly ok: boolean }[] = await Promise.all([
        store.advanceRecord(held, mine!, 50),
        rival.advanceRecord(held, theirs!, 50),
      ]);
      const wins = answers.filter(({ ok }) => ok);
      expect(wins.length).toBeLessThanOrEqual(1);
      if (wins.length === 1) held = (answers[0]?.ok ? mine : theirs) ?? null;
      // SoftHSM may show a process a moment ago: an older record, but never another of the same epoch
      for (const seen of [await store.readRecord(), await rival.readRecord()].map(orThrow)) {
        if (seen?.epoch === held?.epoch) expect(seen).toEqual(held);
        else expect(seen?.epoch ?? 0).toBeLessThan(held?.epoch ?? 0);
      }
    }
    await rival.close();
    const afterwards = await openKeyStore(token);
    expect(orThrow(await afterwards.readRecord())).toEqual(held);
    await afterwards.close();
  });

  it('fences an older epoch while it writes', async () => {
    const rival = await openKeyStore(token);
    let held = record(1, 0);
    orThrow(await store.advanceRecord(null, held));
    const writeOn = async (): Promise<string> => {
      for (;;) {
        const next = { ...held, generation: held.generation + 1 };
        const written = await store.advanceRecord(held, next);
        if (!written.ok) return written.refusal.code;
        held = next;
      }
    };
    const claim = async (): Promise<TokenRecord> => {
      for (;;) {
        const seen = orThrow(await rival.readRecord());
        const next = record(2, 0, seen?.value, 'cd'.repeat(16));
        if ((await rival.advanceRecord(seen, next, 50)).ok) return next;
      }
    };
    const [end, claimed] = await Promise.all([writeOn(), claim()]);
    expect(end).toBe('keys.record-moved');
    expect(orThrow(await rival.readRecord())).toEqual(claimed);
    await rival.close();
  });
});
