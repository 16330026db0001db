import type { Rule } from '@bulkhead/cedar';
import type { CharterState } from '@bulkhead/charter';
import { policiesInForce, type InForce } from '../cedar/in-force.js';
import { combinationsOf, type Combination, type Payer } from './combinations.js';
import { constantsOf } from './constants.js';
import { unknownIn } from './payers.js';

/** About a second of evaluation. */
const MOST_COMBINATIONS = 3_000;
/** For all wallets that have policies of their own, one after the other. */
export const MOST_IN_ALL = 16_000;

/** What is asked about one wallet. */
export interface Trial {
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
 *
 * @param left how many combinations may still be tried in all
 */
export function trialOf(state: CharterState, payer: Payer, left: number): Trial {
  const most = Math.min(MOST_COMBINATIONS, left);
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
