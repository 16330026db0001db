import type { CharterState, Policy } from '@bulkhead/charter';
import { askPolicies, policiesInForce, sliceOf } from '../cedar/in-force.js';
import { combinationsOf, requestOf, type Combination } from './combinations.js';
import { constantsOf } from './constants.js';
import { ANY_CLIENT, ANY_WALLET } from './payers.js';

export interface Finding {
  readonly kind: 'never-matches' | 'shadowed' | 'repeats' | 'demands' | 'not-covered';
  readonly policy: string;
  readonly says: string;
}

const MOST_COMBINATIONS = 1_500;

/**
 * What is odd about a policy among those in force: it never matches, a forbid always overrules it, it repeats another, or
 * it asks for a fact that somebody must supply.
 */
export function lintPolicy(state: CharterState, policy: Policy): readonly Finding[] {
  const owner = policy.owner ?? ANY_CLIENT;
  const wallet = policy.wallet ?? ANY_WALLET;
  const before = policiesInForce(state.policies, owner, wallet);
  const { rules } = sliceOf([policy]);
  const meaning = meaningOf(rules.get(policy.id)?.json);
  const twin = [...before.rules].find(([id, rule]) => id !== policy.id && meaningOf(rule.json) === meaning);
  const finding = (kind: Finding['kind'], says: string): Finding => ({ kind, policy: policy.id, says });
  const findings = twin ? [finding('repeats', `It says the same as ${twin[0]}.`)] : [];
  for (const fact of sliceOf([policy]).demanded.keys())
    findings.push(finding('demands', `Without context.${fact} every transfer that it is in force for is refused.`));
  const constants = constantsOf([...before.rules.values(), ...rules.values()]);
  const estate = state.owners.get(owner)?.estate;
  const payers = (['CLIENT', 'HOUSE'] as const)
    .filter((each) => policy.owner === null || each === estate)
    .map((each) => ({ owner, wallet, estate: each }));
  const named = [...(constants.entities.get('Wallet') ?? [])].flatMap((id) => {
    const known = state.wallets.get(id);
    return known && (policy.owner === null || known.owner === owner)
      ? payers.map((payer) => ({ ...payer, owner: known.owner, wallet: id }))
      : [];
  });
  const combinations = combinationsOf(constants, [...payers, ...named], MOST_COMBINATIONS);
  if (!combinations || constants.beyondBands)
    return [...findings, finding('not-covered', 'Too many combinations, or facts computed with: not tried.')];
  return [...findings, ...matchFindings(state, policy, combinations, finding)];
}

function matchFindings(
  state: CharterState,
  policy: Policy,
  combinations: readonly Combination[],
  finding: (kind: Finding['kind'], says: string) => Finding,
): readonly Finding[] {
  const own = sliceOf([policy]);
  const matches = ({ permits, forbids }: { permits: readonly string[]; forbids: readonly string[] }): boolean =>
    permits.length + forbids.length > 0;
  const matched = combinations.filter((combination) => {
    const answer = askPolicies(own, requestOf(combination));
    return answer.ok && matches(answer.value);
  });
  if (matched.length === 0) return [finding('never-matches', 'No combination of facts matches it.')];
  if (own.rules.get(policy.id)?.effect === 'forbid') return [];
  const overruling = new Set<string>();
  for (const combination of matched) {
    const others = policiesInForce(state.policies, combination.owner, combination.wallet);
    const answer = askPolicies(others, requestOf(combination));
    if (answer.ok && answer.value.forbids.length === 0) return [];
    if (answer.ok) answer.value.forbids.forEach((id) => overruling.add(id));
  }
  return [finding('shadowed', `Wherever it matches, it is overruled by ${[...overruling].join(', ')}.`)];
}

/** A policy without its annotations other than the quorum. */
const meaningOf = (json: { readonly annotations?: Readonly<Record<string, string>> } | undefined): string =>
  JSON.stringify({ ...json, annotations: json?.annotations?.['quorum'] });
