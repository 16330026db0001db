import {
  addressOfScript,
  branchDescriptor,
  decodeTransaction,
  taprootDescriptor,
  type WalletCoin,
} from '@bulkhead/bitcoin';
import {
  addressKey,
  bitcoinSpec,
  taprootSpec,
  type BitcoinWallet,
  type CharterState,
  type MpcWallet,
} from '@bulkhead/charter';
import { BITCOIN_NETWORKS, isBitcoinChain, type BitcoinChainId } from '@bulkhead/intent';
import { Failure, satoshi, type BitcoinRpc } from '../stack/index.js';

interface Unspent {
  readonly txid: string;
  readonly vout: number;
  readonly scriptPubKey: string;
  readonly amount: number;
  readonly height: number;
}

/** A minute per million coins of the network, and some; the node answers nothing meanwhile. */
export const SCAN_TIMEOUT_MS = 3_600_000;

/** @throws Failure when the node is of another network than the charter's */
export async function requireNetwork(rpc: BitcoinRpc, chain: string): Promise<void> {
  const { chain: found } = await rpc.call<{ chain: string }>('getblockchaininfo');
  if (isBitcoinChain(chain) && BITCOIN_NETWORKS[chain] === found) return;
  throw new Failure(`The node is on ${found}, and the charter on ${chain}.`, 'Give the right --bitcoind.');
}

/**
 * The wallet's confirmed coins, found by the node in its set of unspent outputs from the descriptors alone: no wallet,
 * no rescan and no index is needed.
 */
export async function coinsOf(
  rpc: BitcoinRpc,
  state: CharterState,
  wallet: BitcoinWallet | MpcWallet,
): Promise<WalletCoin[]> {
  const { chain } = wallet;
  if (!isBitcoinChain(chain)) throw new Error('a Bitcoin wallet on another chain');
  const { unspents } = await rpc.call<{ unspents: Unspent[] }>('scantxoutset', 'start', [...descriptorsOf(wallet)]);
  const coins: WalletCoin[] = [];
  for (const { txid, vout, scriptPubKey, amount, height } of unspents) {
    const address = addressOfScript(Buffer.from(scriptPubKey, 'hex'), chain);
    const place = address === undefined ? undefined : state.addresses.get(addressKey(chain, address));
    // the node's word is not enough: an address counts when the charter's index has it for this wallet
    if (place?.wallet !== wallet.id || place.branch === undefined || place.index === undefined) continue;
    const { branch, index } = place;
    const previousTransaction = await transactionAt(rpc, chain, txid, height);
    coins.push({ txid, vout, amountSat: satoshi(amount), branch, index, previousTransaction });
  }
  return coins;
}

function descriptorsOf(wallet: BitcoinWallet | MpcWallet): readonly object[] {
  if (wallet.kind === 'taproot-mpc') return [{ desc: taprootDescriptor(taprootSpec(wallet)) }];
  const spec = bitcoinSpec(wallet);
  return ([0, 1] as const).map((branch) => ({
    desc: branchDescriptor(spec, branch),
    range: wallet.addressWindow - 1,
  }));
}

/** Named with its block, so that the node needs no index of transactions. */
async function transactionAt(rpc: BitcoinRpc, chain: BitcoinChainId, txid: string, height: number): Promise<string> {
  const block = await rpc.call<string>('getblockhash', height);
  const raw = await rpc.call<string>('getrawtransaction', txid, false, block);
  const decoded = decodeTransaction(raw, chain);
  if (!decoded.ok || decoded.value.txid !== txid) throw new Failure(`The node gives another transaction than ${txid}.`);
  return raw;
}
