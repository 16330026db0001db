import { accepted, INTENT_LIFE_SECONDS, refused, type Result } from '@bulkhead/intent';
import type { Act } from './acts.js';
import type { ChainName } from './entry.js';
import { scopeKey } from './freezes.js';
import { latest, later } from './instants.js';
import type { CharterState } from './state.js';

/** How long what waits may still be put into force after its delay, in seconds: a week. */
export const PENDING_LIFE_SECONDS = INTENT_LIFE_SECONDS;

/** A loosening that is approved and waits out its delay. */
export interface PendingAct {
  readonly act: Exclude<Act, { kind: 'genesis' }>;
  readonly chain: ChainName;
  /** RFC 3339: not in force before this. */
  readonly notBefore: string;
  /** RFC 3339: after this it is proposed anew or not at all. */
  readonly notAfter: string;
  /** RFC 3339: when its delay is over by the clock of this replica, which may have seen it late. See `seenAt`. */
  readonly ownNotBefore?: string;
}

/** @param delaySeconds from `enactedAt`, RFC 3339. */
export function addPending(
  state: CharterState,
  intent: string,
  { act, chain }: Pick<PendingAct, 'act' | 'chain'>,
  enactedAt: string,
  delaySeconds: number,
): CharterState {
  const notBefore = later(enactedAt, delaySeconds);
  const notAfter = later(notBefore, PENDING_LIFE_SECONDS);
  return { ...state, pending: state.pending.set(intent, { act, chain, notBefore, notAfter }) };
}

/** Takes it off the list: what waits, if its time has come and is not over. */
export function takeDue(
  state: CharterState,
  intent: string,
  at: string,
): Result<{ readonly act: PendingAct['act']; readonly state: CharterState }> {
  const found = find(state, intent);
  if (!found.ok) return found;
  const { act, notBefore, notAfter, ownNotBefore } = found.value;
  if (at < notBefore) {
    return refused('charter.delay-not-over', 'Its delay is not over.', { intent, notBefore });
  }
  if (at > notAfter) {
    return refused('intent.expired', 'It has waited longer than it may: propose it anew.', { intent, notAfter });
  }
  const settledFrom = latest(state.settledFrom, ownNotBefore);
  return accepted({ act, state: { ...state, settledFrom, pending: state.pending.delete(intent) } });
}

export function veto(state: CharterState, intent: string): Result<CharterState> {
  const found = find(state, intent);
  return found.ok ? accepted({ ...state, pending: state.pending.delete(intent) }) : found;
}

/**
 * Drops what still waits on the chain of an act that is in force now, and is about the same: it was approved of things as
 * they stood before. A second `unfreeze` does not outlive the next freeze, nor a raised cap its being lowered.
 */
export function dropOvertaken(state: CharterState, act: PendingAct['act'], chain: ChainName): CharterState {
  const subject = subjectOf(state, act);
  if (subject === undefined || state.pending.isEmpty()) return state;
  const isOvertaken = (one: PendingAct): boolean => one.chain === chain && subjectOf(state, one.act) === subject;
  return { ...state, pending: state.pending.filterNot(isOvertaken) };
}

/** What an act sets as a whole, or lifts. Undefined where it only adds: that is held against what there is by then. */
function subjectOf(state: CharterState, act: PendingAct['act']): string | undefined {
  switch (act.kind) {
    case 'break-glass':
      return subjectOf(state, act.act);
    case 'limits.set':
    case 'rules.set':
    case 'calendar.set':
      return act.kind;
    case 'quorum.set':
      return `quorum:${act.governed}`;
    case 'group.set':
      return `group:${act.group.id}`;
    case 'group.remove':
      return `group:${act.group}`;
    case 'member.renew':
    case 'member.revoke':
      return `member:${act.member}`;
    case 'policy.set':
    case 'policy.remove':
      return `policy:${act.id}`;
    case 'key.suspend':
    case 'key.activate':
    case 'key.retire':
    case 'key.destroy':
      return `key:${act.publicKey}`;
    case 'mpc-wallet.reshare':
    case 'mpc-wallet.withdraw':
    case 'mpc-wallet.switch':
      return `shares:${act.wallet}`;
    case 'signer.move-token':
      return `token:${act.signer}`;
    case 'freeze':
    case 'unfreeze': {
      const scope = scopeKey(state, act.scope);
      return scope.ok ? `freeze:${scope.value}` : undefined;
    }
    case 'asset.list':
    case 'client.open':
    case 'destination.approve':
    case 'destination.revoke':
    case 'house.open':
    case 'incident.close':
    case 'key.review':
    case 'member.enrol':
    case 'member-key.enrol':
    case 'member-key.revoke':
    case 'pending.enact':
    case 'pending.veto':
    case 'proprietary-address.declare':
    case 'signer.enrol':
    case 'signer.retire':
    case 'wallet.key-replaced':
    case 'wallet.open':
    case 'wallet.replace-key':
      return undefined;
  }
}

function find(state: CharterState, intent: string): Result<PendingAct> {
  const pending = state.pending.get(intent);
  return pending
    ? accepted(pending)
    : refused(
        'charter.nothing-pending',
        'Nothing of this intent is waiting: it is in force, vetoed, overtaken by a later act or unknown.',
        { intent },
      );
}
