import type { Quorum, Requirement } from '@bulkhead/approval';
import type { PolicyRequest } from '@bulkhead/cedar';
import { quorumFor, type CharterState, type Governed } from '@bulkhead/charter';
import { accepted, refused, type IntentPurpose, type Refusal, type Result } from '@bulkhead/intent';
import type { CheckedTransfer } from '../decide-transfer.js';
import type { Evidence } from '../evidence.js';
import { policyRequest } from './facts.js';
import { askPolicies, policiesInForce, type InForce } from './in-force.js';

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
  evidence: Evidence,
): Result<PolicyVerdict> {
  const inForce = policiesInForce(state.policies, transfer.owner.id, transfer.wallet.id);
  const request = policyRequest(state, transfer, at, evidence);
  if (!request.ok) return undecided(inForce, request.refusal);
  return decideOn(state, inForce, request.value, transfer.intent.purpose);
}

/** A fact of every transfer that cannot be had leaves all policies undecided: they are named, as where none permits. */
function undecided(inForce: InForce, { code, detail, facts }: Refusal): Result<never> {
  return refused(code, detail, code === 'policy.error' ? { ...facts, policy: namesOf(inForce) } : facts);
}

const namesOf = ({ texts }: InForce): string => [...texts.keys()].slice(0, 20).join(', ');

/** The same over given policies and facts. */
export function decideOn(
  state: CharterState,
  inForce: InForce,
  request: PolicyRequest,
  purpose: IntentPurpose,
): Result<PolicyVerdict> {
  const matches = askPolicies(inForce, request);
  if (!matches.ok) return matches;
  const { permits, forbids } = matches.value;
  if (forbids.length > 0) {
    return refused('policy.forbidden', 'A policy forbids it.', { policies: forbids.join(', ') });
  }
  if (permits.length === 0) {
    return refused('policy.denied', 'No policy permits it.', {
      policies: namesOf(inForce),
    });
  }
  const named = permits.map((id) => inForce.rules.get(id)?.quorum as Governed);
  const quorums = [...new Set<Governed>([`transfer.${purpose}`, ...named])];
  const quorum = together(state, quorums);
  return quorum.ok ? accepted({ permits, quorums, quorum: quorum.value }) : quorum;
}

/** More ways to meet several quorums at once than this are more than anybody could overlook. */
const MOST_ALTERNATIVES = 64;

/**
 * One quorum that is met only when each of these is: started by a group that may start all, with one alternative of each
 * put together, of each group as many people as any of them asks for. Where groups overlap it asks for no fewer people
 * than the quorums would by themselves.
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
  const initiators = first.initiators.filter((group) => others.every((other) => other.initiators.includes(group)));
  let anyOf = first.anyOf;
  for (const other of others) anyOf = anyOf.flatMap((one) => other.anyOf.map((two) => bothOf(one, two)));
  return anyOf.length <= MOST_ALTERNATIVES
    ? accepted({ initiators, anyOf })
    : refused('policy.denied', 'The quorums that decide it have too many alternatives together.', {
        quorums: names.join(', '),
      });
}

function bothOf(one: readonly Requirement[], two: readonly Requirement[]): Requirement[] {
  const thresholds = new Map<string, number>();
  for (const { group, threshold } of [...one, ...two])
    thresholds.set(group, Math.max(threshold, thresholds.get(group) ?? 0));
  return [...thresholds].map(([group, threshold]) => ({ group, threshold }));
}
