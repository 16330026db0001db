import { accepted, refused, type ChainId, type Result } from '@bulkhead/intent';
import { canonicalAddress } from './addresses.js';
import type { FreezeScope } from './governance-acts.js';
import { addressKey, isFirmChain, type CharterState } from './state.js';

/** The one name of a scope, or why there is no such thing to freeze. */
export function scopeKey(state: CharterState, scope: FreezeScope): Result<string> {
  switch (scope.of) {
    case 'firm':
      return accepted('firm');
    case 'owner':
      return state.owners.has(scope.owner)
        ? accepted(`owner:${scope.owner}`)
        : refused('charter.unknown-owner', 'No such owner in the charter.', { owner: scope.owner });
    case 'wallet':
      return state.wallets.has(scope.wallet)
        ? accepted(`wallet:${scope.wallet}`)
        : refused('charter.unknown-wallet', 'No such wallet in the charter.', { wallet: scope.wallet });
    case 'destination': {
      if (!isFirmChain(state.genesis, scope.chain)) {
        return refused('address.wrong-network', 'Not a chain of this firm.', { chain: scope.chain });
      }
      const address = canonicalAddress(scope.chain, scope.address);
      return address.ok ? accepted(destinationKey(scope.chain, address.value)) : address;
    }
    case 'coin':
      return scope.chain === state.genesis.bitcoin
        ? accepted(`coin:${scope.chain}/coin:${scope.coin}`)
        : refused('address.wrong-network', 'Not the Bitcoin chain of this firm.', { chain: scope.chain });
  }
}

const destinationKey = (chain: ChainId, address: string): string => `destination:${addressKey(chain, address)}`;

export interface FreezeSubject {
  readonly owner: string;
  readonly wallet: string;
  /** What it would use up, as commitments name it: `<chain>/coin:<txid>:<vout>`. */
  readonly resources?: readonly string[];
  /** Where it would go; absent for what pays nobody (gas). */
  readonly payee?: { readonly chain: ChainId; readonly address: string };
}

/** Refused when the firm, the owner, the wallet, the payee or a coin is frozen; the fact names which. */
export function checkNotFrozen(
  state: CharterState,
  { owner, wallet, payee, resources = [] }: FreezeSubject,
): Result<true> {
  const scopes = ['firm', `owner:${owner}`, `wallet:${wallet}`, ...resources.map((resource) => `coin:${resource}`)];
  if (payee) scopes.push(destinationKey(payee.chain, payee.address));
  const frozen = scopes.find((scope) => state.frozen.has(scope));
  return frozen === undefined
    ? accepted(true)
    : refused('charter.frozen', 'It is frozen by the charter until it is unfrozen there.', {
        frozen,
        reason: state.frozen.get(frozen) ?? '',
      });
}
