import type { Act } from './acts.js';
import { isLookAlike } from './apply-destination.js';
import { givesUpWallet } from './apply-key.js';
import {
  isLoosening,
  LOOSENING,
  USUAL_KEY_REVIEW_DAYS,
  type Governed,
  type Limits,
  type Loosening,
  type Rules,
} from './governed.js';
import { quorumFor, type CharterState } from './state.js';
import { isTighter } from './tighter-quorum.js';

type Governable = Exclude<Act, { kind: 'genesis' }>;

/** Which quorum decides an act as the charter stands. Acts that can go either way are judged by where they go. */
export function governedBy(state: CharterState, act: Governable): Governed {
  switch (act.kind) {
    case 'member-key.enrol':
    case 'member.renew':
      return 'member.enrol';
    case 'member-key.revoke':
      return 'member.revoke';
    case 'group.remove':
      return 'group.set';
    case 'signer.move-token':
      return 'signer.enrol';
    case 'destination.approve':
      return isLookAlike(state, act) ? 'destination.approve-look-alike' : act.kind;
    case 'quorum.set':
      return isTighter(quorumFor(state, act.governed), act.quorum) ? 'quorum.tighten' : 'quorum.loosen';
    case 'limits.set':
      return isLower(state.limits, act.limits) ? 'limits.lower' : 'limits.raise';
    case 'rules.set':
      // longer delays hold up also what gets a firm out of trouble: not for the smaller quorum
      return isStricter(state.rules, act.rules) && !isSlower(state.rules, act.rules) ? 'rules.tighten' : 'rules.loosen';
    case 'key.retire':
      return givesUpWallet(state, act) ? 'key.destroy' : act.kind;
    // in an emergency the usual quorum may not be there to put it into force
    case 'pending.enact':
      return state.pending.get(act.intent)?.act.kind === 'break-glass' ? 'break-glass' : 'pending.enact';
    case 'asset.list':
    case 'break-glass':
    case 'calendar.set':
    case 'client.open':
    case 'destination.revoke':
    case 'freeze':
    case 'group.set':
    case 'house.open':
    case 'incident.close':
    case 'key.activate':
    case 'key.destroy':
    case 'key.review':
    case 'key.suspend':
    case 'member.enrol':
    case 'member.revoke':
    case 'mpc-wallet.reshare':
    case 'mpc-wallet.switch':
    case 'mpc-wallet.withdraw':
    case 'pending.veto':
    case 'policy.remove':
    case 'policy.set':
    case 'proprietary-address.declare':
    case 'signer.enrol':
    case 'signer.retire':
    case 'unfreeze':
    case 'wallet.key-replaced':
    case 'wallet.open':
    case 'wallet.replace-key':
      return act.kind;
  }
}

/** What waits also where the rules do not name it. */
const USUAL_DELAY_SECONDS: Partial<Record<Loosening, number>> = { 'break-glass': 3_600, 'key.destroy': 3_600 };

/**
 * How long an act waits before it can be put into force, in seconds: only what loosens waits. A change of the delays
 * themselves and break-glass wait as long as anything does, so that neither is a way around.
 */
export function delayOf(state: CharterState, act: Governable): number {
  const governed = governedBy(state, act);
  // a destination is there at once and cools instead
  if (!isLoosening(governed) || act.kind === 'pending.enact' || act.kind === 'destination.approve') return 0;
  if (act.kind !== 'rules.set') return usualDelay(state.rules, governed);
  // longer delays take the larger quorum, and nothing to wait for
  if (isStricter(state.rules, act.rules)) return 0;
  return Math.max(usualDelay(state.rules, governed), shortenedDestruction(state.rules, act.rules));
}

/** How long what a quorum decides waits, in seconds, whatever else there is to an act: see {@link delayOf}. */
export function usualDelay(rules: Rules, governed: Governed): number {
  if (!isLoosening(governed)) return 0;
  const longest = Math.max(...LOOSENING.map((name) => rules.delaySeconds[name] ?? 0));
  if (governed === 'rules.loosen') return longest;
  return governed === 'break-glass' ? Math.max(longest, delayIn(rules, governed)) : delayIn(rules, governed);
}

/** The delay of a destruction is not cut sooner than it would have been over. */
function shortenedDestruction(before: Rules, after: Rules): number {
  const delay = delayIn(before, 'key.destroy');
  return delayIn(after, 'key.destroy') < delay ? delay : 0;
}

/** No cap is above what it was. */
function isLower(before: Limits, after: Limits): boolean {
  return (
    BigInt(after.maxFeeSat) <= BigInt(before.maxFeeSat) &&
    after.maxFeeRateSatVb <= before.maxFeeRateSatVb &&
    BigInt(after.maxGasCostWei) <= BigInt(before.maxGasCostWei) &&
    areLower(before.feeInvoices, after.feeInvoices) &&
    areLower(before.testPayments ?? [], after.testPayments ?? [])
  );
}

/** What has no cap is not allowed at all. */
function areLower(before: Limits['feeInvoices'], after: Limits['feeInvoices']): boolean {
  const caps = new Map(before.map(({ asset, maxAmount }) => [asset, BigInt(maxAmount)]));
  return after.every(({ asset, maxAmount }) => BigInt(maxAmount) <= (caps.get(asset) ?? 0n));
}

/** In seconds; what is not named does not wait, with two exceptions. */
const delayIn = ({ delaySeconds }: Rules, name: Loosening): number =>
  delaySeconds[name] ?? USUAL_DELAY_SECONDS[name] ?? 0;

const isSlower = (before: Rules, after: Rules): boolean =>
  LOOSENING.some((name) => delayIn(after, name) > delayIn(before, name));

/** No delay and no floor is below what it was; what an amount in the reference currency means stays or ages faster. */
function isStricter(before: Rules, after: Rules): boolean {
  return (
    LOOSENING.every((name) => delayIn(after, name) >= delayIn(before, name)) &&
    after.fewestApprovers >= before.fewestApprovers &&
    after.fewestGroups >= before.fewestGroups &&
    after.referenceCurrency === before.referenceCurrency &&
    after.priceMaxAgeSeconds <= before.priceMaxAgeSeconds &&
    (after.keyReviewDays ?? USUAL_KEY_REVIEW_DAYS) <= (before.keyReviewDays ?? USUAL_KEY_REVIEW_DAYS)
  );
}
