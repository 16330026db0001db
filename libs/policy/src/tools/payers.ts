import type { Rule } from '@bulkhead/cedar';
import type { CharterState, Governed } from '@bulkhead/charter';
import { policiesInForce } from '../cedar/in-force.js';
import type { Payer } from './combinations.js';
import { constantsOf } from './constants.js';
import { mayFind, quorumProblem, remembering } from './joined-quorums.js';

/** Whose policies are in question. */
export interface Scope {
  readonly owner: string | null;
  readonly wallet: string | null;
  /** The one policy that is new, where that is all. */
  readonly added?: string | undefined;
}

/** Stand for the wallets, clients and house entities that no policy names. No id of a charter has brackets. */
export const ANY_WALLET = '(any wallet)';
export const ANY_CLIENT = '(any client)';
const ANY_HOUSE_ENTITY = '(any house entity)';

/** One wallet for each slice that can differ: of anybody, of each owner with policies, and each that policies name. */
export function payersOf(state: CharterState, scope: Scope): Payer[] {
  const payers = new Map<string, Payer>();
  const add = (owner: string, wallet: string, estate: Payer['estate']) =>
    payers.set(`${owner}/${wallet}`, { owner, wallet, estate });
  const addOwner = (id: string, wallet = ANY_WALLET) => {
    const estate = state.owners.get(id)?.estate;
    if (estate === 'CLIENT' || estate === 'HOUSE') add(id, wallet, estate);
  };
  if (scope.owner === null) {
    add(ANY_CLIENT, ANY_WALLET, 'CLIENT');
    add(ANY_HOUSE_ENTITY, ANY_WALLET, 'HOUSE');
  } else addOwner(scope.owner, scope.wallet ?? undefined);
  const inScope = (owner: string, wallet: string | null): boolean =>
    (scope.owner === null || scope.owner === owner) && (scope.wallet === null || scope.wallet === wallet);
  const comesTogether = scope.added === undefined ? () => true : unmetWith(state, scope.added);
  for (const { owner, wallet } of state.policies.values())
    if (owner !== null && inScope(owner, wallet) && comesTogether(owner, wallet ?? ANY_WALLET))
      addOwner(owner, wallet ?? undefined);
  const { entities } = constantsOf(
    [...payers.values()].flatMap(({ owner, wallet }) =>
      [...policiesInForce(state.policies, owner, wallet).rules].flatMap(([id, rule]) =>
        id === scope.added || comesTogether(owner, wallet) ? [rule] : [],
      ),
    ),
  );
  for (const owner of entities.get('Owner') ?? []) if (inScope(owner, null)) addOwner(owner);
  for (const id of entities.get('Wallet') ?? []) {
    const wallet = state.wallets.get(id);
    if (wallet && inScope(wallet.owner, id)) addOwner(wallet.owner, id);
  }
  return [...payers.values()];
}

/**
 * Whether the quorum of an added permit could be one too many for those that other permits of a slice name. Else what is
 * added for everybody is tried by itself: a transfer crosses a wall when one permit matches and no forbid does.
 */
function unmetWith(state: CharterState, added: string): (owner: string, wallet: string) => boolean {
  const quorum = policiesInForce(state.policies, ANY_CLIENT, ANY_WALLET).rules.get(added)?.quorum as
    Governed | undefined;
  if (quorum === undefined) return () => false;
  const check = remembering((purpose, names) => {
    const others = names.filter((name) => name !== quorum);
    if (others.length === names.length || others.length === 0) return undefined;
    return quorumProblem(state, purpose, others) ? undefined : quorumProblem(state, purpose, names);
  });
  return (owner, wallet) => mayFind(check, policiesInForce(state.policies, owner, wallet));
}

/** Owners and wallets that a policy names and the charter does not know: whatever is opened under the id later is not tried. */
export function unknownIn({ owners, wallets }: CharterState, rule: Rule): readonly string[] {
  const { entities } = constantsOf([rule]);
  const namesOf = (type: string, known: { has(id: string): boolean }): string[] =>
    [...(entities.get(type) ?? [])].filter((id) => !known.has(id)).map((id) => `${type}::"${id}"`);
  return [...namesOf('Owner', owners), ...namesOf('Wallet', wallets)];
}
