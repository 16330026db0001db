import { applyAct, type CharterState, type Policy } from '@bulkhead/charter';
import { accepted, type Result } from '@bulkhead/intent';
import { askPolicies, policiesInForce, sliceOf, type InForce } from '../cedar/in-force.js';
import { combinationsOf, requestOf, type Combination } from './combinations.js';
import { constantsOf } from './constants.js';
import { ANY_CLIENT, ANY_WALLET } from './payers.js';
import type { PolicyAct } from './prove.js';

export interface Finding {
  readonly kind: 'never-matches' | 'shadowed' | 'repeats' | 'demands' | 'not-covered';
  readonly policy: string;
  readonly says: string;
}

const MOST_COMBINATIONS = 1_500;

/**
 * What is odd about a draft once it is in force: it never matches, a forbid always overrules it, it always overrules a
 * permit, it repeats another, or it asks for a fact that somebody must supply. Of a removal there is nothing to say.
 */
export function lintDraft(state: CharterState, act: PolicyAct, at: string): Result<readonly Finding[]> {
  const next = applyAct(state, act, at);
  if (!next.ok) return next;
  const policy = next.value.policies.get(act.id);
  return accepted(policy ? lint(next.value, policy) : []);
}

function lint(state: CharterState, policy: Policy): readonly Finding[] {
  const owner = policy.owner ?? ANY_CLIENT;
  const wallet = policy.wallet ?? ANY_WALLET;
  const { rules } = policiesInForce(state.policies, owner, wallet);
  const own = sliceOf([policy]);
  const meaning = meaningOf(rules.get(policy.id)?.json);
  const twin = [...rules].find(([id, rule]) => id !== policy.id && meaningOf(rule.json) === meaning);
  const finding = (kind: Finding['kind'], says: string): Finding => ({ kind, policy: policy.id, says });
  const findings = twin ? [finding('repeats', `It says the same as ${twin[0]}.`)] : [];
  for (const fact of own.demanded.keys())
    findings.push(finding('demands', `Without context.${fact} every transfer that it is in force for is refused.`));
  const combinations = combinationsFor(state, policy, rules);
  if (!combinations)
    return [...findings, finding('not-covered', 'Too many combinations, or facts computed with: not tried.')];
  const matched = combinations.filter((combination) => isMatched(own, combination));
  if (matched.length === 0) return [...findings, finding('never-matches', 'No combination of facts matches it.')];
  const isForbid = own.rules.get(policy.id)?.effect === 'forbid';
  return [
    ...findings,
    ...(isForbid ? overruledBy(state, policy.id, combinations, own) : overruled(state, policy.id, matched)),
  ];
}

/** Undefined where they are too many, or do not cover it. */
function combinationsFor(
  state: CharterState,
  { owner, wallet }: Policy,
  rules: InForce['rules'],
): readonly Combination[] | undefined {
  const constants = constantsOf(rules.values());
  const estate = owner === null ? undefined : state.owners.get(owner)?.estate;
  const payers = (['CLIENT', 'HOUSE'] as const)
    .filter((each) => owner === null || each === estate)
    .map((each) => ({ owner: owner ?? ANY_CLIENT, wallet: wallet ?? ANY_WALLET, estate: each }));
  const named = [...(constants.entities.get('Wallet') ?? [])].flatMap((id) => {
    const known = state.wallets.get(id);
    return known && (owner === null || known.owner === owner)
      ? payers.map((payer) => ({ ...payer, owner: known.owner, wallet: id }))
      : [];
  });
  const combinations = combinationsOf(constants, [...payers, ...named], MOST_COMBINATIONS);
  return constants.beyondBands ? undefined : combinations;
}

function isMatched(own: InForce, combination: Combination): boolean {
  const answer = askPolicies(own, requestOf(combination));
  return answer.ok && answer.value.permits.length + answer.value.forbids.length > 0;
}

/** A permit that never has its way. */
function overruled(state: CharterState, id: string, matched: readonly Combination[]): readonly Finding[] {
  const overruling = new Set<string>();
  for (const combination of matched) {
    const all = policiesInForce(state.policies, combination.owner, combination.wallet);
    const answer = askPolicies(all, requestOf(combination));
    if (answer.ok && answer.value.forbids.length === 0) return [];
    if (answer.ok) answer.value.forbids.forEach((forbid) => overruling.add(forbid));
  }
  const says = `Wherever it matches, it is overruled by ${[...overruling].join(', ')}.`;
  return [{ kind: 'shadowed', policy: id, says }];
}

/** Permits that had their way somewhere, and have it nowhere since this forbid. */
function overruledBy(
  state: CharterState,
  forbid: string,
  combinations: readonly Combination[],
  own: InForce,
): readonly Finding[] {
  const others = state.policies.delete(forbid);
  const permitting = new Set<string>();
  const still = new Set<string>();
  for (const combination of combinations) {
    const without = policiesInForce(others, combination.owner, combination.wallet);
    const answer = askPolicies(without, requestOf(combination));
    const permits = answer.ok ? answer.value.permits : [];
    const left = permits.length === 0 || isMatched(own, combination) ? [] : permits;
    for (const id of permits) permitting.add(id);
    for (const id of left) still.add(id);
  }
  return [...permitting]
    .filter((id) => !still.has(id))
    .map((id) => ({ kind: 'shadowed', policy: id, says: `Wherever ${id} matches, it is overruled by ${forbid}.` }));
}

/** A policy without its annotations other than the quorum. */
const meaningOf = (json: { readonly annotations?: Readonly<Record<string, string>> } | undefined): string =>
  JSON.stringify({ ...json, annotations: json?.annotations?.['quorum'] });
