import { checkQuorumReachable } from '@bulkhead/approval';
import { parsePolicy, type Rule } from '@bulkhead/cedar';
import { applyAct, type Act, type CharterEntry, type CharterState, type Governed } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { together } from '../cedar/decide.js';
import { askPolicies, policiesInForce, type InForce } from '../cedar/in-force.js';
import { combinationsOf, requestOf, type Combination, type Payer } from './combinations.js';
import { constantsOf } from './constants.js';
import { payersOf, unknownIn, type Scope } from './payers.js';

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
  /** What was not covered, and why: nothing is proven then. */
  readonly notCovered: readonly string[];
  /** Forbids that the proof did without: it holds whether they match or not. */
  readonly withoutForbids: readonly string[];
  readonly counterExamples: readonly CounterExample[];
}

type PolicyAct = Extract<Act, { kind: 'policy.set' | 'policy.remove' }>;
/** About a second of evaluation. */
const MOST_COMBINATIONS = 3_000;
/** For all wallets that have policies of their own, one after the other. */
const MOST_IN_ALL = 16_000;
const SHOWN = 5;

/** The proof of what would be in force after an act about policies. */
export function proveDraft(state: CharterState, act: PolicyAct, at: string): Result<Proof> {
  const next = applyAct(state, act, at);
  if (!next.ok) return next;
  const before = state.policies.get(act.id);
  const { owner, wallet } = act.kind === 'policy.set' ? act : (before ?? { owner: null, wallet: null });
  // what is added to everybody's policies is tried by itself: those that some have besides can permit no more by it
  const added = act.kind === 'policy.set' && !before && owner === null ? act.id : undefined;
  return accepted(prove(next.value, { owner, wallet, added }));
}

/**
 * Refuses an act whose policies have a counter-example, and prints that as a concrete transfer. What could not be proven
 * is refused too. A forbid that is added can only permit less, so all that is asked of it is that it does not err. (A
 * forbid in the place of another can permit more, and a permit that is removed can take a larger quorum with it.)
 */
export function checkDraft(state: CharterState, act: PolicyAct, at: string): Result<Proof> {
  const proof = proveDraft(state, act, at);
  if (!proof.ok) return proof;
  const { counterExamples, notCovered, proven } = proof.value;
  const onlyForbids = addsForbid(state, act);
  const example = counterExamples.find(
    ({ claim, policies }) => !onlyForbids || (claim === 'no-error' && policies.includes(act.id)),
  );
  if (example) {
    return refused('policy.counter-example', example.says, {
      claim: example.claim,
      policies: example.policies.join(', '),
      transfer: JSON.stringify(example.transfer),
    });
  }
  return proven || onlyForbids
    ? proof
    : refused('policy.not-proven', 'It cannot be proven that the draft permits nothing that it must not.', {
        policy: act.id,
        notCovered: notCovered.join('; ').slice(0, 500),
      });
}

function addsForbid(state: CharterState, act: PolicyAct): boolean {
  if (act.kind !== 'policy.set' || state.policies.has(act.id)) return false;
  const rule = parsePolicy(act.text);
  return rule.ok && rule.value.effect === 'forbid';
}

/**
 * What every replica asks of an entry before it takes it, besides the reducer: that policies which it would put into
 * force, now or by enacting what waits, have their proof. Whoever replays what was accepted need not ask again.
 */
export function checkEntryPolicies(before: CharterState, { intent, enactedAt }: CharterEntry): Result<true> {
  const act = policyActOf(before, intent.act);
  const checked = act && checkDraft(before, act, enactedAt);
  return checked && !checked.ok ? checked : accepted(true);
}

/** The act about policies that an act is, brings or puts into force. */
export function policyActOf(state: CharterState, act: Act): PolicyAct | undefined {
  if (act.kind === 'policy.set' || act.kind === 'policy.remove') return act;
  if (act.kind === 'break-glass') return policyActOf(state, act.act);
  const pending = act.kind === 'pending.enact' ? state.pending.get(act.intent) : undefined;
  return pending && policyActOf(state, pending.act);
}

/** Tries all combinations of the finite facts, for every wallet that policies of this scope can tell apart. */
export function prove(state: CharterState, scope: Scope): Proof {
  const counterExamples: CounterExample[] = [];
  const notCovered: string[] = [];
  const withoutForbids = new Set<string>();
  let tried = 0;
  for (const payer of payersOf(state, scope)) {
    const trial = trialOf(state, payer, Math.min(MOST_COMBINATIONS, MOST_IN_ALL - tried));
    notCovered.push(...trial.notCovered.map((why) => `${payer.owner}/${payer.wallet}: ${why}`));
    trial.withoutForbids.forEach((id) => withoutForbids.add(id));
    tried += trial.combinations.length;
    for (const combination of trial.combinations) {
      const example = counterExampleOf(state, trial, combination);
      const known = counterExamples.some(({ claim, says }) => claim === example?.claim && says === example.says);
      if (example && !known && counterExamples.length < SHOWN) counterExamples.push(example);
    }
  }
  const proven = notCovered.length === 0 && counterExamples.length === 0;
  return { proven, combinations: tried, notCovered, withoutForbids: [...withoutForbids], counterExamples };
}

/** What is asked about one wallet. */
interface Trial {
  readonly inForce: InForce;
  /** Those of the policies that the proof rests on. */
  readonly counted: InForce;
  readonly combinations: readonly Combination[];
  readonly notCovered: readonly string[];
  readonly withoutForbids: readonly string[];
}

/**
 * A permit beyond what combinations cover cannot be proven. A forbid beyond it is done without, and so are all forbids
 * where there would be too many combinations: what holds without them holds with them.
 */
function trialOf(state: CharterState, payer: Payer, most: number): Trial {
  const inForce = policiesInForce(state.policies, payer.owner, payer.wallet);
  const beyond = [...inForce.rules].flatMap(([id, rule]): [string, Rule, string][] => {
    const why = beyondUs(state, rule);
    return why === undefined ? [] : [[id, rule, why]];
  });
  const isForbid = ([, { effect }]: readonly [string, Rule, ...unknown[]]): boolean => effect === 'forbid';
  const notCovered = beyond.filter((one) => !isForbid(one)).map(([id, , why]) => `${id} ${why}`);
  const uncounted = beyond.filter(isForbid).map(([id]) => id);
  const combinations = combinationsOf(constantsOf(inForce.rules.values()), [payer], most);
  if (combinations)
    return { inForce, counted: without(inForce, uncounted), combinations, notCovered, withoutForbids: uncounted };
  const forbids = [...inForce.rules].filter(isForbid).map(([id]) => id);
  const permits = without(inForce, forbids);
  const fewer = combinationsOf(constantsOf(permits.rules.values()), [payer], most);
  return {
    inForce: permits,
    counted: permits,
    combinations: fewer ?? [],
    notCovered: fewer ? notCovered : [...notCovered, `more than ${most} combinations`],
    withoutForbids: forbids,
  };
}

/** Why combinations do not cover a policy, in words that go on from its id. */
function beyondUs(state: CharterState, rule: Rule): string | undefined {
  const [unknown] = unknownIn(state, rule);
  if (unknown !== undefined) return `names ${unknown}, which is not in the charter`;
  return constantsOf([rule]).beyondBands
    ? 'computes (write out what it compares with), compares facts with each other, or has patterns that are not tried'
    : undefined;
}

function without(inForce: InForce, ids: readonly string[]): InForce {
  if (ids.length === 0) return inForce;
  const keep = <T>(map: ReadonlyMap<string, T>) => new Map([...map].filter(([id]) => !ids.includes(id)));
  const demanded = new Map([...inForce.demanded].filter(([, id]) => !ids.includes(id)));
  return { ...inForce, texts: keep(inForce.texts), rules: keep(inForce.rules), demanded };
}

function counterExampleOf(
  state: CharterState,
  { inForce, counted }: Trial,
  transfer: Combination,
): CounterExample | undefined {
  const request = requestOf(transfer);
  const all = askPolicies(inForce, request);
  const matches = all.ok && counted !== inForce ? askPolicies(counted, request) : all;
  if (!matches.ok) {
    const { policy = '', problem = '', fact } = matches.refusal.facts;
    // a fact that nobody has supplied is a no, not an error of the policy
    if (fact !== undefined) return undefined;
    return { claim: 'no-error', says: `A policy errs: ${problem}`, policies: [policy], transfer };
  }
  const { permits: policies } = matches.value;
  if (policies.length === 0) return undefined;
  const crossing = crossesWall(transfer);
  if (crossing !== undefined) return { claim: 'walls', says: crossing, policies, transfer };
  const names = policies.map((id) => counted.rules.get(id)?.quorum as Governed);
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
  if (!floor) return undefined;
  if (!asked.ok) return { claim: 'reachable-quorum', says: asked.refusal.detail, policies, transfer };
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
  // as for every quorum of the charter: what expires must not lock the firm out
  const members = [...state.members.values()].filter(
    ({ keys, expiresAt }) => expiresAt === undefined && keys.some((key) => key.expiresAt === undefined),
  );
  const all = together(state, [...new Set<Governed>([`transfer.${transfer.purpose}`, ...names])]);
  const reachable = all.ok && checkQuorumReachable(names.join(' and '), all.value, members, state.groups);
  return reachable && reachable.ok
    ? undefined
    : { claim: 'reachable-quorum', says: `Nobody could ever meet ${names.join(' and ')}.`, policies, transfer };
}
