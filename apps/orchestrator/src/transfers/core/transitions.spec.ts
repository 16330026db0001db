import {
  LIVE_STATES,
  mayBecome,
  RELEASING_STATES,
  TRANSITIONS,
  TRANSFER_STATES,
  type TransferState,
} from './transitions.js';

const next = (state: TransferState): readonly TransferState[] => TRANSITIONS[state];

/** Every state that can be reached from `start`, itself included. */
function reachable(start: TransferState, without?: TransferState): Set<TransferState> {
  const seen = new Set<TransferState>([start]);
  for (const state of seen) for (const to of next(state)) if (to !== without) seen.add(to);
  return seen;
}

describe('the transition table of transfers', () => {
  it('names only states that it has, and reaches each of them from PROPOSED', () => {
    expect([...reachable('PROPOSED')].sort()).toEqual([...TRANSFER_STATES].sort());
  });

  it('lets nothing be signed that was not approved: every way to SIGNING leads through PENDING_APPROVAL and READY', () => {
    for (const gate of ['SCREENED', 'PENDING_APPROVAL', 'READY'] as const) {
      expect(reachable('PROPOSED', gate).has('SIGNING')).toBe(false);
    }
  });

  it('never calls off what a quorum has signed: from SIGNED on, only the chain ends a transfer', () => {
    for (const state of reachable('SIGNED')) {
      for (const end of RELEASING_STATES) expect(mayBecome(state, end)).toBe(false);
    }
    expect(next('SIGNED')).toEqual(['BROADCAST']);
  });

  it('keeps nothing alive that is at an end', () => {
    for (const state of RELEASING_STATES) {
      expect(next(state)).toEqual([]);
      expect(LIVE_STATES).not.toContain(state);
    }
  });
});
