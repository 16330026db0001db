import type { CharterState, QuorumKey, Wallet } from '@bulkhead/charter';
import type { ChainId } from '@bulkhead/intent';
import { WINDOWS } from '@bulkhead/policy';

type Signers = ReadonlySet<string>;

/** Whether every quorum of the wallet has one of these signers in it: n - m + 1 of its key holders. */
export function meetsEveryQuorum(
  { keys, threshold = 1 }: { readonly keys: readonly QuorumKey[]; readonly threshold?: number },
  signers: Signers,
): boolean {
  return keys.filter(({ signer }) => signers.has(signer)).length >= keys.length - threshold + 1;
}

/** Wallets with the same holders are alike; a firm has few kinds. */
const kinds = new WeakMap<CharterState['wallets'], ReadonlyMap<string, Wallet>>();

function kindsOf({ wallets }: CharterState): ReadonlyMap<string, Wallet> {
  const known = kinds.get(wallets);
  if (known) return known;
  const found = new Map<string, Wallet>();
  for (const wallet of wallets.values()) {
    if (wallet.kind === 'gas-payer') continue;
    const holders = wallet.keys.map(({ signer }) => signer).toSorted();
    found.set([wallet.chain, wallet.threshold, ...holders].join(' '), wallet);
  }
  kinds.set(wallets, found);
  return found;
}

/**
 * The same for every wallet of the chain: limits count what all of them pay. Of a wallet whose keys or shares were replaced,
 * the quorums of before count too, for as long as limits look back: the one that came since may know nothing of what they agreed to.
 *
 * @param at RFC 3339 instant by the decider's own clock
 */
export const meetsEveryQuorumOf = (state: CharterState, chain: ChainId, signers: Signers, at: string): boolean =>
  [...kindsOf(state).values()].every((wallet) => wallet.chain !== chain || meetsEveryQuorum(wallet, signers)) &&
  [...state.formerKeys].every(([id, all]) => {
    const wallet = state.wallets.get(id);
    const counting = all.filter(({ until }) => Date.parse(at) - Date.parse(until) < WINDOWS.month * 1000);
    return wallet?.chain !== chain || counting.every((former) => meetsEveryQuorum(former, signers));
  });
