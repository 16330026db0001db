import { checkQuorumReachable } from '@bulkhead/approval';
import { isJson, pathOf, type Rule } from '@bulkhead/cedar';
import type { CharterState, Governed } from '@bulkhead/charter';
import { PURPOSES, type Purpose } from '@bulkhead/intent';
import { together } from '../cedar/decide.js';
import type { InForce } from '../cedar/in-force.js';
import { subsets } from './combinations.js';
import type { CounterExample } from './counter-example.js';

type Problem = Pick<CounterExample, 'claim' | 'says'>;
/** What speaks against the quorums that permits name for transfers of a purpose, where all of these permits match. */
export type QuorumCheck = (purpose: Purpose, names: readonly Governed[]) => Problem | undefined;

/** More names have too many ways to come together for all to be looked at. */
const MOST_NAMES = 6;

/** Whether these quorums ask for at least the one of the purpose, and whether all of them with it can be met at once. */
export function quorumProblem(state: CharterState, purpose: Purpose, names: readonly Governed[]): Problem | undefined {
  const governed = `transfer.${purpose}` as const;
  const floor = state.quorums[governed];
  // no quorum of the purpose: nothing of this purpose is ever signed
  if (!floor) return undefined;
  const asked = together(state, [...new Set(names)]);
  if (!asked.ok) return { claim: 'reachable-quorum', says: asked.refusal.detail };
  const named = [...names].join(' and ');
  const atLeast = asked.value.anyOf.every((alternative) =>
    floor.anyOf.some((lowest) =>
      lowest.every(({ group, threshold }) =>
        alternative.some((one) => one.group === group && one.threshold >= threshold),
      ),
    ),
  );
  if (!atLeast) {
    const says = `It would be permitted by ${named}, which asks for less than the quorum of its purpose.`;
    return { claim: 'floor-quorum', says };
  }
  // as for every quorum of the charter: what expires must not lock the firm out
  const lasting = [...state.members.values()].filter(
    ({ keys, expiresAt }) => expiresAt === undefined && keys.some((key) => key.expiresAt === undefined),
  );
  const all = together(state, [...new Set<Governed>([governed, ...names])]);
  return all.ok && checkQuorumReachable(named, all.value, lasting, state.groups).ok
    ? undefined
    : { claim: 'reachable-quorum', says: `Nobody could ever meet ${named}.` };
}

/**
 * Whether a check could find anything, whichever permits of one purpose match together: no transfer is tried, so it is
 * asked first.
 */
export function mayFind(check: QuorumCheck, { rules }: InForce): boolean {
  return PURPOSES.some((purpose) => {
    const permits = [...rules.values()].filter(({ effect }) => effect === 'permit').filter(mayPermit(purpose));
    const names = [...new Set(permits.map(({ quorum }) => quorum as Governed))];
    if (names.length > MOST_NAMES) return true;
    return subsets(names).some((join) => join.length > 0 && check(purpose, join) !== undefined);
  });
}

/** Not where a policy asks for another purpose by an equation of its own: all that need be looked at in its text. */
const mayPermit =
  (purpose: Purpose) =>
  ({ json }: Rule): boolean =>
    json.conditions
      .filter(({ kind }) => kind === 'when')
      .flatMap(({ body }) => conjunctsOf(body))
      .every((conjunct) => {
        const asked = purposeIn(conjunct);
        return asked === undefined || asked === purpose;
      });

function conjunctsOf(node: unknown): readonly unknown[] {
  const both = isJson(node) ? node['&&'] : undefined;
  return isJson(both) ? [...conjunctsOf(both['left']), ...conjunctsOf(both['right'])] : [node];
}

/** The purpose that this equation asks for; undefined of any other condition. */
function purposeIn(node: unknown): string | undefined {
  const sides = isJson(node) ? node['=='] : undefined;
  if (!isJson(sides) || pathOf(sides['left']) !== 'context.purpose' || !isJson(sides['right'])) return undefined;
  const { Value: value } = sides['right'];
  const named = isJson(value) ? value['__entity'] : undefined;
  return isJson(named) && typeof named['id'] === 'string' ? named['id'] : undefined;
}

/** The same check, each question worked out once. */
export function remembering(check: QuorumCheck): QuorumCheck {
  const known = new Map<string, Problem | undefined>();
  return (purpose, names) => {
    const join = [...new Set(names)].sort();
    const key = [purpose, ...join].join(' ');
    if (!known.has(key)) known.set(key, check(purpose, join));
    return known.get(key);
  };
}
