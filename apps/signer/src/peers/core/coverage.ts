import type { CharterState, Wallet } from '@bulkhead/charter';
import type { ChainId } from '@bulkhead/intent';

type Signers = ReadonlySet<string>;

/** Whether every quorum of the wallet has one of these signers in it: n - m + 1 of its key holders. */
export function meetsEveryQuorum({ keys, ...wallet }: Wallet, signers: Signers): boolean {
  const threshold = wallet.kind === 'gas-payer' ? 1 : wallet.threshold;
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

/** The same for every wallet of the chain: limits count what all of them pay. */
export const meetsEveryQuorumOf = (state: CharterState, chain: ChainId, signers: Signers): boolean =>
  [...kindsOf(state).values()].every((wallet) => wallet.chain !== chain || meetsEveryQuorum(wallet, signers));
