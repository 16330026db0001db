import type { Approval, Decision } from '@bulkhead/approval';
import type { Digest, TransferIntent } from '@bulkhead/intent';
import { checkReplaced } from './check-replaced.js';
import { TRANSFER_STATES, type TransferState } from './transitions.js';

const replaces = '11'.repeat(32) as Digest;
const intent = { owner: 'alpha', wallet: 'alpha-btc', initiator: 'olivia', replaces } as TransferIntent;
const replaced = (state: TransferState, wallet = 'alpha-btc') => ({ state, intent: { owner: 'alpha', wallet } });
const word = (decision: Decision, member = 'olivia') => ({ statement: { decision, member } }) as Approval;
const codeOf = (...args: Parameters<typeof checkReplaced>): string => {
  const result = checkReplaced(...args);
  return result.ok ? 'accepted' : result.refusal.code;
};

describe('an intent in the place of a transfer', () => {
  it('ends one of its wallet that waits for approvals, with its initiator’s REJECT', () => {
    const row = replaced('PENDING_APPROVAL');
    expect(checkReplaced(intent, row, word('REJECT'))).toEqual({ ok: true, value: row });
  });

  it.each(TRANSFER_STATES.filter((state) => state !== 'PENDING_APPROVAL'))('ends none that is %s', (state) => {
    expect(codeOf(intent, replaced(state), word('REJECT'))).toBe('intent.state');
  });

  it('ends none that is not there, or of another wallet', () => {
    expect(codeOf(intent, null, word('REJECT'))).toBe('intent.not-replaceable');
    expect(codeOf(intent, replaced('PENDING_APPROVAL', 'alpha-two'), word('REJECT'))).toBe('intent.not-replaceable');
  });

  it('ends none without its initiator’s own REJECT', () => {
    for (const rejection of [undefined, word('APPROVE'), word('WITHDRAW'), word('REJECT', 'omar')])
      expect(codeOf(intent, replaced('PENDING_APPROVAL'), rejection)).toBe('intent.not-replaceable');
  });

  it('is the only thing that a rejection comes with', () => {
    const { replaces: nothing, ...usual } = intent;
    expect(nothing).toBe(replaces);
    expect(checkReplaced(usual, null, undefined)).toEqual({ ok: true, value: undefined });
    expect(codeOf(usual, null, word('REJECT'))).toBe('intent.not-replaceable');
  });
});
