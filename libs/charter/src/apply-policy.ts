import { DEFAULT_POLICIES, parsePolicy, textsIn } from '@bulkhead/cedar';
import { parseEthereumAddress } from '@bulkhead/ethereum';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { Map as ImmutableMap } from 'immutable';
import type { Act, GenesisAct } from './acts.js';
import type { Policy } from './governance-acts.js';
import type { CharterState } from './state.js';

/** More than any firm has been seen to need; every signer holds them all. */
const MAX_POLICIES = 5_000;

/**
 * Puts a policy into force, or another text in the place of one, within the scope that its id has had. An id means the
 * same for ever: one that was removed comes back as it was, which is how a removal is rolled back, or never.
 */
export function setPolicy(state: CharterState, act: Extract<Act, { kind: 'policy.set' }>): Result<CharterState> {
  const { id, text, owner, wallet } = act;
  const policy: Policy = { id, text, owner, wallet };
  const scope = checkScope(state, policy);
  if (!scope.ok) return scope;
  const before = state.policies.get(id);
  if (before && (before.owner !== owner || before.wallet !== wallet)) {
    return refused('charter.id-taken', 'A policy of this id is in force for something else.', { policy: id });
  }
  const removed = state.removedPolicies.get(id);
  if (removed && !isSame(removed, policy)) {
    return refused(
      'charter.id-taken',
      'An id that was removed brings back what it named, as it was, and nothing else.',
      {
        policy: id,
      },
    );
  }
  if (!before && state.policies.size >= MAX_POLICIES) {
    return refused('policy.invalid', 'There are as many policies as a firm can have.', { policy: id });
  }
  const sound = checkPolicy(state.quorums, policy);
  if (!sound.ok) return sound;
  const [policies, removedPolicies] = [state.policies.set(id, policy), state.removedPolicies.delete(id)];
  return accepted({ ...state, policies, removedPolicies });
}

const isSame = (one: Policy, other: Policy): boolean =>
  one.text === other.text && one.owner === other.owner && one.wallet === other.wallet;

export function removePolicy(state: CharterState, act: Extract<Act, { kind: 'policy.remove' }>): Result<CharterState> {
  const policy = state.policies.get(act.id);
  if (!policy) return refused('charter.unknown-policy', 'No policy of this id is in force.', { policy: act.id });
  const removedPolicies = state.removedPolicies.set(act.id, policy);
  return accepted({ ...state, policies: state.policies.delete(act.id), removedPolicies });
}

function checkScope(state: CharterState, { owner, wallet }: Policy): Result<true> {
  if (owner !== null && !state.owners.has(owner)) {
    return refused('charter.unknown-owner', 'No such owner in the charter.', { owner });
  }
  if (wallet !== null && (owner === null || state.wallets.get(wallet)?.owner !== owner)) {
    return refused('charter.unknown-wallet', 'A policy for a wallet names the wallet’s owner as well.', { wallet });
  }
  return accepted(true);
}

/** What every replica checks of a policy: that it is read strictly, names a quorum of the charter, and spells addresses right. */
export function checkPolicy(quorums: GenesisAct['quorums'], { id, text }: Pick<Policy, 'id' | 'text'>): Result<true> {
  const rule = parsePolicy(text);
  if (!rule.ok) return refused(rule.refusal.code, rule.refusal.detail, { ...rule.refusal.facts, policy: id });
  const { quorum, json } = rule.value;
  if (quorum !== undefined && !Object.hasOwn(quorums, quorum)) {
    return refused('policy.invalid', 'The quorum that it names is not one of the charter.', { policy: id, quorum });
  }
  const misspelt = textsIn(json.conditions).find(isMisspelt);
  return misspelt === undefined
    ? accepted(true)
    : refused('policy.invalid', 'No fact is ever spelled like this: it would match nothing.', {
        policy: id,
        text: misspelt,
      });
}

/** An address, a selector, a chain or an asset in another spelling than the one that facts have. */
function isMisspelt(text: string): boolean {
  if (/^0x[0-9a-f]{40}$/i.test(text)) {
    const address = parseEthereumAddress(text);
    return !address.ok || address.value !== text;
  }
  return /^(0x[0-9a-f]{8}$|(bc|tb|bcrt)1|eip155:|bip122:)/i.test(text) && text !== text.toLowerCase();
}

/** The policies that a firm starts with: its genesis's, or the default ones when that names none. */
export function firstPolicies({ quorums, policies }: GenesisAct): Result<ImmutableMap<string, Policy>> {
  const firmWide = (id: string, text: string): [string, Policy] => [id, { id, text, owner: null, wallet: null }];
  if (policies === undefined) {
    return accepted(ImmutableMap(Object.entries(DEFAULT_POLICIES).map(([id, text]) => firmWide(id, text))));
  }
  if (new Set(policies.map(({ id }) => id)).size !== policies.length) {
    return refused('charter.id-taken', 'Policies are each named once.');
  }
  for (const policy of policies) {
    const sound = checkPolicy(quorums, policy);
    if (!sound.ok) return sound;
  }
  return accepted(ImmutableMap(policies.map(({ id, text }) => firmWide(id, text))));
}
