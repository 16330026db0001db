import { parsePolicy } from '@bulkhead/cedar';
import { applyAct, type Act, type CharterEntry, type CharterState, type Governed } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { askPolicies } from '../cedar/in-force.js';
import { checkJoinedQuorums } from './check-quorums.js';
import { requestOf, type Combination } from './combinations.js';
import { refuseBy, type CounterExample } from './counter-example.js';
import { quorumProblem } from './joined-quorums.js';
import { payersOf, type Scope } from './payers.js';
import { MOST_IN_ALL, trialOf, type Trial } from './trial.js';

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

/** Sets a policy, or removes one. */
export type PolicyAct = Extract<Act, { kind: 'policy.set' | 'policy.remove' }>;
const SHOWN = 5;

/** The proof of what would be in force after an act about policies. */
export function proveDraft(state: CharterState, act: PolicyAct, at: string): Result<Proof> {
  const next = applyAct(state, act, at);
  if (!next.ok) return next;
  const before = state.policies.get(act.id);
  const { owner, wallet } = act.kind === 'policy.set' ? act : (before ?? { owner: null, wallet: null });
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
  if (example) return refuseBy(example);
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

/** What changes who there is to meet a quorum, or what one asks for. */
const OF_QUORUMS: readonly Act['kind'][] = [
  'quorum.set',
  'group.set',
  'group.remove',
  'member.enrol',
  'member.revoke',
  'member.renew',
  'member-key.enrol',
  'member-key.revoke',
];

/**
 * What every replica asks of an entry before it takes it, besides the reducer: that policies which it would put into
 * force, now or by enacting what waits, have their proof, and that those in force keep quorums that can be met where it
 * changes members, groups or quorums. Whoever replays what was accepted need not ask again.
 */
export const checkEntryPolicies = (before: CharterState, { intent, enactedAt }: CharterEntry): Result<true> =>
  checkActPolicies(before, intent.act, enactedAt);

/** The same of an act that is only proposed yet. */
export function checkActPolicies(state: CharterState, asked: Act, at: string): Result<true> {
  const act = actBehind(state, asked);
  if (act?.kind === 'policy.set' || act?.kind === 'policy.remove') {
    const proof = checkDraft(state, act, at);
    return proof.ok ? accepted(true) : proof;
  }
  if (!act || !OF_QUORUMS.includes(act.kind)) return accepted(true);
  const next = applyAct(state, act, at);
  return next.ok ? checkJoinedQuorums(state, next.value) : next;
}

/** What an act brings or puts into force, or the act itself. */
function actBehind(state: CharterState, act: Act): Act | undefined {
  if (act.kind === 'break-glass') return actBehind(state, act.act);
  if (act.kind !== 'pending.enact') return act;
  const pending = state.pending.get(act.intent);
  return pending && actBehind(state, pending.act);
}

/** Tries all combinations of the finite facts, for every wallet that policies of this scope can tell apart. */
export function prove(state: CharterState, scope: Scope): Proof {
  const counterExamples: CounterExample[] = [];
  const notCovered: string[] = [];
  const withoutForbids = new Set<string>();
  let tried = 0;
  for (const payer of payersOf(state, scope)) {
    const trial = trialOf(state, payer, MOST_IN_ALL - tried);
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
  const problem = quorumProblem(state, transfer.purpose, names);
  return problem && { ...problem, policies, transfer };
}

/** Invariant 3, as policies must say it too. */
function crossesWall({ estate, destinationClass, purpose }: Combination): string | undefined {
  if (destinationClass === 'MANAGED_HOUSE' && !(estate === 'CLIENT' && purpose === 'FEE_INVOICE'))
    return 'A payment to another house entity would be permitted.';
  if (destinationClass === 'MANAGED_CLIENT' && !(estate === 'HOUSE' && purpose === 'RESTITUTION'))
    return 'A payment to another client would be permitted.';
  return undefined;
}
