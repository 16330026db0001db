import { deriveAddress } from '@bulkhead/bitcoin';
import { bitcoinSpec, type BitcoinWallet } from '@bulkhead/charter';
import type { Payload } from '@bulkhead/intent';
import type { Cast } from '../../apps/cli/src/story/cast.js';
import { coinsOf, forgePsbt, type ForgedInput } from '../../apps/cli/src/story/forge.js';

const FEE_SAT = 2_000n;

export interface CoinQuery {
  readonly status?: 'CREDITED' | 'PENDING' | 'QUARANTINED';
  /** Those that are gone, instead of those that the node still has. */
  readonly spent?: boolean;
}

/** Deposited coins of a wallet, as anybody who watches the chain knows them. */
export async function bitcoinCoins(cast: Cast, wallet: string, query: CoinQuery = {}): Promise<ForgedInput[]> {
  const coins = await coinsOf(cast, await bitcoinWallet(cast, wallet), query.status);
  const { rpc } = cast.stack.bitcoind;
  const unspent = await Promise.all(coins.map(({ txid, vout }) => rpc.call<unknown>('gettxout', txid, vout)));
  return coins.filter((_, position) => (unspent[position] === null) === (query.spent ?? false));
}

/** A caller's own PSBT: pays one address from these coins, with sound change and a sound fee. */
export async function payCoins(
  cast: Cast,
  walletId: string,
  coins: readonly ForgedInput[],
  to: string,
  amountSat: bigint,
): Promise<Payload> {
  const wallet = await bitcoinWallet(cast, walletId);
  const change = deriveAddress(bitcoinSpec(wallet), 1, wallet.addressWindow - 1).address;
  const total = coins.reduce((sum, coin) => sum + coin.amountSat, 0n);
  return forgePsbt(coins, [
    { address: to, amountSat },
    { address: change, amountSat: total - amountSat - FEE_SAT },
  ]);
}

async function bitcoinWallet(cast: Cast, id: string): Promise<BitcoinWallet> {
  const wallet = (await cast.charterWallets()).find((candidate) => candidate.id === id);
  if (wallet?.kind !== 'bitcoin-multisig') throw new Error(`${id} is not a Bitcoin wallet`);
  return wallet;
}
