import type { Quorum } from '@bulkhead/approval';
import type { Act } from './acts.js';
import { isLoosening, type Governed, type Limits } from './governed.js';
import { quorumFor, type CharterState } from './state.js';

/** Which quorum decides an act as the charter stands. Acts that can go either way are judged by where they go. */
export function governedBy(state: CharterState, act: Exclude<Act, { kind: 'genesis' }>): Governed {
  if (act.kind === 'member-key.enrol') return 'member.enrol';
  if (act.kind === 'member-key.revoke') return 'member.revoke';
  if (act.kind === 'quorum.set') {
    return isTighter(quorumFor(state, act.governed), act.quorum) ? 'quorum.tighten' : 'quorum.loosen';
  }
  if (act.kind === 'limits.set') return isLower(state.limits, act.limits) ? 'limits.lower' : 'limits.raise';
  return act.kind;
}

/** How long an act waits before it can be put into force, in seconds: only what loosens waits. */
export function delayOf(state: CharterState, governed: Governed): number {
  return isLoosening(governed) ? (state.genesis.delaySeconds?.[governed] ?? 0) : 0;
}

/** Nobody new may start it, and of every role that was asked for at least as many are asked for still. */
function isTighter(before: Quorum | undefined, after: Quorum): boolean {
  if (!before) return false;
  const asked = (role: string): number => after.requires.find((one) => one.role === role)?.threshold ?? 0;
  return (
    after.initiators.every((role) => before.initiators.includes(role)) &&
    before.requires.every(({ role, threshold }) => asked(role) >= threshold)
  );
}

/** No cap is above what it was. */
function isLower(before: Limits, after: Limits): boolean {
  const cap = new Map(before.feeInvoices.map(({ asset, maxAmount }) => [asset, BigInt(maxAmount)]));
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
  return after.every(({ asset, maxAmount }) => BigInt(maxAmount) <= (caps.get(asset) ?? -1n));
}
