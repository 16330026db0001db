import { accepted, refused, type Result } from '@bulkhead/intent';
import type { Act } from './acts.js';
import type { ChainName } from './entry.js';
import type { CharterState } from './state.js';

/** A loosening that is approved and waits out its delay. */
export interface PendingAct {
  readonly act: Exclude<Act, { kind: 'genesis' }>;
  readonly chain: ChainName;
  /** RFC 3339: not in force before this. */
  readonly notBefore: string;
}

export function addPending(state: CharterState, intent: string, pending: PendingAct): CharterState {
  return { ...state, pending: state.pending.set(intent, pending) };
}

/** Takes it off the list: what waits, if its time has come. */
export function takeDue(
  state: CharterState,
  intent: string,
  at: string,
): Result<{ readonly act: PendingAct['act']; readonly state: CharterState }> {
  const found = find(state, intent);
  if (!found.ok) return found;
  const { act, notBefore } = found.value;
  if (at < notBefore) {
    return refused('charter.delay-not-over', 'Its delay is not over.', { intent, notBefore });
  }
  return accepted({ act, state: { ...state, pending: state.pending.delete(intent) } });
}

export function veto(state: CharterState, intent: string): Result<CharterState> {
  const found = find(state, intent);
  return found.ok ? accepted({ ...state, pending: state.pending.delete(intent) }) : found;
}

function find(state: CharterState, intent: string): Result<PendingAct> {
  const pending = state.pending.get(intent);
  return pending
    ? accepted(pending)
    : refused('charter.nothing-pending', 'Nothing of this intent is waiting: it is in force, vetoed or unknown.', {
        intent,
      });
}
