import { checkQuorumReachable } from '@bulkhead/approval';
import { matchPolicies } from '@bulkhead/cedar';
import { applyAct, type Act, type CharterState, type Governed } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { together } from '../cedar/decide.js';
import { policiesInForce } from '../cedar/in-force.js';
import { combinationsOf, requestOf, type Combination, type Payer } from './combinations.js';
import { constantsOf } from './constants.js';

/** What a set of policies must hold to on every combination of facts. The invariants are code besides. */
export type Claim = 'walls' | 'floor-quorum' | 'reachable-quorum' | 'no-error';

/** A transfer that the policies would permit and must not. */
export interface CounterExample {
  readonly claim: Claim;
  readonly says: string;
  readonly policies: readonly string[];
  readonly transfer: Combination;
}

export interface Proof {
  /** Every combination was tried and none speaks against it. */
  readonly proven: boolean;
  readonly combinations: number;
  /** What was not covered, and why. */
  readonly notCovered: readonly string[];
  readonly counterExamples: readonly CounterExample[];
}

type PolicyAct = Extract<Act, { kind: 'policy.set' | 'policy.remove' }>;
/** About three seconds of evaluation. */
const MOST_COMBINATIONS = 4_000;
const SHOWN = 5;

/** The proof of what would be in force after an act about policies. */
export function proveDraft(state: CharterState, act: PolicyAct, at: string): Result<Proof> {
  const next = applyAct(state, act, at);
  if (!next.ok) return next;
  const scope = act.kind === 'policy.set' ? act : state.policies.get(act.id);
  return accepted(prove(next.value, { owner: scope?.owner ?? null, wallet: scope?.wallet ?? null }));
}

/** Refuses an act whose policies have a counter-example, and prints that as a concrete transfer. */
export function checkDraft(state: CharterState, act: PolicyAct, at: string): Result<Proof> {
  const proof = proveDraft(state, act, at);
  const [example] = proof.ok ? proof.value.counterExamples : [];
  return example
    ? refused('policy.counter-example', example.says, {
        claim: example.claim,
        policies: example.policies.join(', '),
        transfer: JSON.stringify(example.transfer),
      })
    : proof;
}

/** Tries all combinations of the finite facts, for every wallet that policies of this scope can tell apart. */
export function prove(state: CharterState, scope: { owner: string | null; wallet: string | null }): Proof {
  const counterExamples: CounterExample[] = [];
  const notCovered: string[] = [];
  let tried = 0;
  for (const payer of payersOf(state, scope)) {
    const inForce = policiesInForce(state.policies, payer.owner, payer.wallet);
    const constants = constantsOf(inForce.rules.values());
    const name = `${payer.owner}/${payer.wallet}`;
    if (constants.beyondBands) notCovered.push(`${name}: facts are computed with, or compared with each other`);
    const combinations = combinationsOf(constants, [payer], MOST_COMBINATIONS - tried);
    if (!combinations) {
      notCovered.push(`${name}: more than ${MOST_COMBINATIONS} combinations`);
      continue;
    }
    tried += combinations.length;
    for (const combination of combinations) {
      const example = counterExampleOf(state, combination);
      const known = counterExamples.some(({ claim, says }) => claim === example?.claim && says === example.says);
      if (example && !known && counterExamples.length < SHOWN) counterExamples.push(example);
    }
  }
  const proven = notCovered.length === 0 && counterExamples.length === 0;
  return { proven, combinations: tried, notCovered, counterExamples };
}

function counterExampleOf(state: CharterState, transfer: Combination): CounterExample | undefined {
  const inForce = policiesInForce(state.policies, transfer.owner, transfer.wallet);
  const matches = matchPolicies(inForce, requestOf(transfer));
  if (!matches.ok) {
    const { policy = '', problem = '' } = matches.refusal.facts;
    return { claim: 'no-error', says: `A policy errs: ${problem}`, policies: [policy], transfer };
  }
  const { permits: policies } = matches.value;
  if (policies.length === 0) return undefined;
  const crossing = crossesWall(transfer);
  if (crossing !== undefined) return { claim: 'walls', says: crossing, policies, transfer };
  const names = policies.map((id) => inForce.rules.get(id)?.quorum as Governed);
  return quorumExample(state, transfer, policies, names);
}

/** Invariant 3, as policies must say it too. */
function crossesWall({ estate, destinationClass, purpose }: Combination): string | undefined {
  if (destinationClass === 'MANAGED_HOUSE' && !(estate === 'CLIENT' && purpose === 'FEE_INVOICE'))
    return 'A payment to another house entity would be permitted.';
  if (destinationClass === 'MANAGED_CLIENT' && !(estate === 'HOUSE' && purpose === 'RESTITUTION'))
    return 'A payment to another client would be permitted.';
  return undefined;
}

function quorumExample(
  state: CharterState,
  transfer: Combination,
  policies: readonly string[],
  names: readonly Governed[],
): CounterExample | undefined {
  const floor = state.quorums[`transfer.${transfer.purpose}`];
  const asked = together(state, [...new Set(names)]);
  // no quorum of the purpose: nothing of this purpose is ever signed
  if (!floor || !asked.ok) return undefined;
  const atLeast = asked.value.anyOf.every((alternative) =>
    floor.anyOf.some((lowest) =>
      lowest.every(({ group, threshold }) =>
        alternative.some((one) => one.group === group && one.threshold >= threshold),
      ),
    ),
  );
  if (!atLeast) {
    const says = `It would be permitted by ${names.join(', ')}, which asks for less than the quorum of its purpose.`;
    return { claim: 'floor-quorum', says, policies, transfer };
  }
  const members = [...state.members.values()];
  const all = together(state, [...new Set<Governed>([`transfer.${transfer.purpose}`, ...names])]);
  const reachable = all.ok && checkQuorumReachable(names.join(' and '), all.value, members, state.groups);
  return reachable && reachable.ok
    ? undefined
    : { claim: 'reachable-quorum', says: `Nobody could ever meet ${names.join(' and ')}.`, policies, transfer };
}

/** One wallet for each slice that can differ: of anybody, of each owner with policies, and each that policies name. */
function payersOf(state: CharterState, scope: { owner: string | null; wallet: string | null }): Payer[] {
  const payers = new Map<string, Payer>();
  const add = (owner: string, wallet: string, estate: Payer['estate']) =>
    payers.set(`${owner}/${wallet}`, { owner, wallet, estate });
  const addOwner = (id: string, wallet = 'any-wallet') => {
    const estate = state.owners.get(id)?.estate;
    if (estate === 'CLIENT' || estate === 'HOUSE') add(id, wallet, estate);
  };
  if (scope.owner === null) {
    add('any-client', 'any-wallet', 'CLIENT');
    add('any-house-entity', 'any-wallet', 'HOUSE');
  } else addOwner(scope.owner, scope.wallet ?? undefined);
  const inScope = (owner: string, wallet: string | null): boolean =>
    (scope.owner === null || scope.owner === owner) && (scope.wallet === null || scope.wallet === wallet);
  for (const { owner, wallet } of state.policies.values())
    if (owner !== null && inScope(owner, wallet)) addOwner(owner, wallet ?? undefined);
  const { entities } = constantsOf(
    [...payers.values()].flatMap(({ owner, wallet }) => [
      ...policiesInForce(state.policies, owner, wallet).rules.values(),
    ]),
  );
  for (const owner of entities.get('Owner') ?? []) if (inScope(owner, null)) addOwner(owner);
  for (const id of entities.get('Wallet') ?? []) {
    const wallet = state.wallets.get(id);
    if (wallet && inScope(wallet.owner, id)) addOwner(wallet.owner, id);
  }
  return [...payers.values()];
}
