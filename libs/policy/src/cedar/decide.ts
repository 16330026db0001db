import type { Quorum } from '@bulkhead/approval';
import { matchPolicies, type PolicyRequest } from '@bulkhead/cedar';
import { quorumFor, type CharterState, type Governed } from '@bulkhead/charter';
import { accepted, refused, type Purpose, type Result } from '@bulkhead/intent';
import type { CheckedTransfer } from '../decide-transfer.js';
import { NO_EVIDENCE, type Evidence } from '../evidence.js';
import { policyRequest } from './facts.js';
import { policiesInForce, type InForce } from './in-force.js';

/** What the policies say of a transfer that they permit. */
export interface PolicyVerdict {
  /** Ids of the policies that permit it. */
  readonly permits: readonly string[];
  /** The quorum of its purpose, and those that the permits name: all must be met. */
  readonly quorums: readonly Governed[];
  /** All of them as one. */
  readonly quorum: Quorum;
}

/**
 * Do the policies of the charter permit this? What none permits is denied, any forbid wins, any doubt is a no.
 *
 * @param at RFC 3339 instant by the decider's own clock.
 */
export function decidePolicies(
  state: CharterState,
  transfer: CheckedTransfer,
  at: string,
  evidence: Evidence = NO_EVIDENCE,
): Result<PolicyVerdict> {
  const request = policyRequest(state, transfer, at, evidence);
  if (!request.ok) return request;
  const inForce = policiesInForce(state.policies, transfer.owner.id, transfer.wallet.id);
  return decideOn(state, inForce, request.value, transfer.intent.purpose);
}

/** The same over given policies and facts. */
export function decideOn(
  state: CharterState,
  inForce: InForce,
  request: PolicyRequest,
  purpose: Purpose,
): Result<PolicyVerdict> {
  const matches = matchPolicies(inForce, request);
  if (!matches.ok) return matches;
  const { permits, forbids } = matches.value;
  if (forbids.length > 0) {
    return refused('policy.forbidden', 'A policy forbids it.', { policies: forbids.join(', ') });
  }
  if (permits.length === 0) {
    return refused('policy.denied', 'No policy permits it.', {
      policies: [...inForce.texts.keys()].slice(0, 20).join(', '),
    });
  }
  const named = permits.map((id) => inForce.rules.get(id)?.quorum as Governed);
  const quorums = [...new Set<Governed>([`transfer.${purpose}`, ...named])];
  const quorum = together(state, quorums);
  return quorum.ok ? accepted({ permits, quorums, quorum: quorum.value }) : quorum;
}

/**
 * One quorum that is met exactly when each of these is: started by a role that may start all, and of each role as many
 * people as any of them asks for. A member has one role, so nobody is counted for two.
 */
export function together(state: CharterState, names: readonly Governed[]): Result<Quorum> {
  const quorums: Quorum[] = [];
  for (const name of names) {
    const quorum = quorumFor(state, name);
    if (!quorum) {
      return refused('segregation.purpose-not-allowed', 'The charter names no quorum for this.', { quorum: name });
    }
    quorums.push(quorum);
  }
  const [first, ...others] = quorums;
  if (!first) return refused('policy.denied', 'No quorum decides it.');
  const initiators = first.initiators.filter((role) => others.every((other) => other.initiators.includes(role)));
  const thresholds = new Map<Quorum['requires'][number]['role'], number>();
  for (const { role, threshold } of quorums.flatMap(({ requires }) => requires))
    thresholds.set(role, Math.max(threshold, thresholds.get(role) ?? 0));
  return accepted({ initiators, requires: [...thresholds].map(([role, threshold]) => ({ role, threshold })) });
}
