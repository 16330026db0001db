import { accepted, refused, type Result } from '@bulkhead/intent';
import { Map as ImmutableMap } from 'immutable';
import { canonicalAddress } from './addresses.js';
import type { CharterEntry } from './entry.js';
import { later } from './instants.js';
import { addressKey, type CharterState } from './state.js';

/*
 * Nobody signs `enactedAt`: whoever enacts an entry can date it back to its proposal, or keep it until its delay is over.
 * So a replica that decides about money counts cooling and delays also from when it saw the entry first, by its own clock.
 */

/**
 * What a replica adds to the state that an entry has given: a destination cools, and an act waits, no shorter than from
 * when the replica saw it. Which entries are accepted never depends on it. One that takes over an old charter waits once
 * more, for the longest of its delays at most.
 *
 * @param at RFC 3339: when the replica applied the entry first, by its own clock.
 */
export function seenAt(
  state: CharterState,
  { intent: { id, act }, enactedAt }: CharterEntry,
  at: string,
): CharterState {
  if (at <= enactedAt) return state;
  const lateSeconds = (Date.parse(at) - Date.parse(enactedAt)) / 1000;
  const waiting = state.pending.get(id);
  if (waiting) {
    const ownNotBefore = later(waiting.notBefore, lateSeconds);
    return { ...state, pending: state.pending.set(id, { ...waiting, ownNotBefore }) };
  }
  if (act.kind !== 'destination.approve') return state;
  const address = canonicalAddress(act.chain, act.address);
  if (!address.ok) return state;
  const key = addressKey(act.chain, address.value);
  const owners = state.destinations.get(key) ?? ImmutableMap();
  const registered = owners.get(act.owner);
  if (!registered) return state;
  const { approvedAt, usableFrom } = registered;
  const seen = {
    ...registered,
    approvedAt: later(approvedAt, lateSeconds),
    usableFrom: later(usableFrom, lateSeconds),
  };
  return { ...state, destinations: state.destinations.set(key, owners.set(act.owner, seen)) };
}

/**
 * Refused while an act is in force sooner than its delay is over by the decider's own clock: until then it could not have
 * been vetoed.
 *
 * @param at RFC 3339 instant by the decider's own clock.
 */
export function checkSettled({ settledFrom }: CharterState, at: string): Result<true> {
  if (settledFrom === undefined || at >= settledFrom) return accepted(true);
  return refused(
    'charter.delay-not-over',
    'An act is in force whose delay is not over by this signer’s clock: it came late.',
    { settledFrom },
  );
}
