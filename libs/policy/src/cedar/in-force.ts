import { parsePolicy, type PolicySlice, type Rule } from '@bulkhead/cedar';
import type { CharterState, Policy } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';

type Policies = CharterState['policies'];

/** The policies that speak of one wallet: the firm's, its owner's and its own. */
export interface InForce extends PolicySlice {
  readonly rules: ReadonlyMap<string, Rule>;
  /** Whether any of them asks what was paid before: the evaluator need not look it up otherwise. */
  readonly readsHistory: boolean;
}

const READS_HISTORY = /\bvelocity\b|\btestPaid\b/;

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
  return {
    texts: new Map(policies.map(({ id, text }) => [id, text])),
    rules: new Map(policies.map(({ id, text }) => [id, orThrow(parsePolicy(text))])),
    readsHistory: policies.some(({ text }) => READS_HISTORY.test(text)),
  };
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
