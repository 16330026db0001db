import { addressOfScript, branchDescriptor, decodeTransaction, type WalletCoin } from '@bulkhead/bitcoin';
import { addressKey, bitcoinSpec, type BitcoinWallet, type CharterState } from '@bulkhead/charter';
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
export async function coinsOf(rpc: BitcoinRpc, state: CharterState, wallet: BitcoinWallet): Promise<WalletCoin[]> {
  const spec = bitcoinSpec(wallet);
  const range = wallet.addressWindow - 1;
  const { unspents } = await rpc.call<{ unspents: Unspent[] }>('scantxoutset', 'start', [
    { desc: branchDescriptor(spec, 0), range },
    { desc: branchDescriptor(spec, 1), range },
  ]);
  const coins: WalletCoin[] = [];
  for (const { txid, vout, scriptPubKey, amount, height } of unspents) {
    const address = addressOfScript(Buffer.from(scriptPubKey, 'hex'), spec.chain);
    const place = address === undefined ? undefined : state.addresses.get(addressKey(spec.chain, address));
    // the node's word is not enough: an address counts when the charter's index has it for this wallet
    if (place?.wallet !== wallet.id || place.branch === undefined || place.index === undefined) continue;
    const { branch, index } = place;
    const previousTransaction = await transactionAt(rpc, spec.chain, txid, height);
    coins.push({ txid, vout, amountSat: satoshi(amount), branch, index, previousTransaction });
  }
  return coins;
}

/** Named with its block, so that the node needs no index of transactions. */
async function transactionAt(rpc: BitcoinRpc, chain: BitcoinChainId, txid: string, height: number): Promise<string> {
  const block = await rpc.call<string>('getblockhash', height);
  const raw = await rpc.call<string>('getrawtransaction', txid, false, block);
  const decoded = decodeTransaction(raw, chain);
  if (!decoded.ok || decoded.value.txid !== txid) throw new Failure(`The node gives another transaction than ${txid}.`);
  return raw;
}
