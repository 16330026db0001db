import {
  matchPolicies,
  parsePolicy,
  pathsIn,
  type Matches,
  type PolicyRequest,
  type PolicySlice,
  type Rule,
} from '@bulkhead/cedar';
import type { CharterState, Policy } from '@bulkhead/charter';
import { orThrow, refused, type Result } from '@bulkhead/intent';

type Policies = CharterState['policies'];

/** The policies that speak of one wallet: the firm's, its owner's and its own. */
export interface InForce extends PolicySlice {
  readonly rules: ReadonlyMap<string, Rule>;
  /** Paths by which any of them asks what was paid before: the evaluator need not look up anything else. */
  readonly historyRead: ReadonlySet<string>;
  /** Facts of {@link SUPPLIED} that forbids read, each with the first that does. */
  readonly demanded: ReadonlyMap<string, string>;
}

/** Facts of the context that somebody must supply: an attestor, or whoever sets the firm's calendar. */
const SUPPLIED: readonly string[] = ['amountReference', 'travelRule', 'isBusinessDay', 'isBusinessHour'];
const HISTORY: readonly string[] = [
  'context',
  'context.velocity',
  'context.destination',
  'context.destination.testPaid',
];

interface Index {
  readonly byOwner: ReadonlyMap<string | null, readonly Policy[]>;
  readonly slices: Map<string, InForce>;
}

/** One index for each set of policies that was ever in force: the charter's maps are immutable, so it never ages. */
const indexes = new WeakMap<Policies, Index>();

/** What is in force for a wallet, out of perhaps thousands of policies for others. */
export function policiesInForce(policies: Policies, owner: string, wallet: string): InForce {
  const index = indexes.get(policies) ?? makeIndex(policies);
  const key = `${owner}/${wallet}`;
  const known = index.slices.get(key);
  if (known) return known;
  const own = (index.byOwner.get(owner) ?? []).filter((policy) => policy.wallet === null || policy.wallet === wallet);
  const slice = sliceOf([...(index.byOwner.get(null) ?? []), ...own]);
  index.slices.set(key, slice);
  return slice;
}

/** These policies and no others. Throws on text that does not parse: the reducer has read all that is in force. */
export function sliceOf(policies: readonly Policy[]): InForce {
  const rules = new Map(policies.map(({ id, text }) => [id, orThrow(parsePolicy(text))]));
  const demanded = new Map<string, string>();
  const historyRead = new Set<string>();
  for (const [id, { effect, json }] of rules) {
    const paths = pathsIn(json);
    for (const path of paths) if (HISTORY.includes(path) || path.startsWith('context.velocity.')) historyRead.add(path);
    for (const fact of effect === 'forbid' ? SUPPLIED : [])
      if (paths.has(`context.${fact}`) && !demanded.has(fact)) demanded.set(fact, id);
  }
  return { texts: new Map(policies.map(({ id, text }) => [id, text])), rules, historyRead, demanded };
}

/**
 * Which of these policies match. A forbid that reads a fact which nobody has supplied cannot be decided, so the answer is
 * no: else whoever carries the request could silence the forbid by leaving an attestation out. A permit that reads it
 * (behind `has`, as the schema asks) just does not match.
 */
export function askPolicies(inForce: InForce, request: PolicyRequest): Result<Matches> {
  for (const [fact, policy] of inForce.demanded)
    if (!Object.hasOwn(request.context, fact))
      return refused('policy.error', 'A forbid asks for a fact that is missing, so the answer is no.', {
        policy,
        fact: `context.${fact}`,
      });
  return matchPolicies(inForce, request);
}

function makeIndex(policies: Policies): Index {
  const byOwner = new Map<string | null, Policy[]>();
  for (const policy of policies.values()) {
    const list = byOwner.get(policy.owner);
    if (list) list.push(policy);
    else byOwner.set(policy.owner, [policy]);
  }
  const index: Index = { byOwner, slices: new Map() };
  indexes.set(policies, index);
  return index;
}
