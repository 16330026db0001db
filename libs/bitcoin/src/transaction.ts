import { accepted, refused, type BitcoinChainId, type Result } from '@bulkhead/intent';
import { Transaction } from 'bitcoinjs-lib';
import { addressOfScript } from './addresses.js';
import { isHex, toHex } from './bytes.js';
import { txidOfHash } from './decode.js';

export interface TransactionOutput {
  readonly index: number;
  /** Undefined for a script that is no address: OP_RETURN, bare keys, unknown witness versions. */
  readonly address: string | undefined;
  /** Lower-case hex. */
  readonly scriptPubKey: string;
  readonly amountSat: bigint;
}

/** A transaction as it is on the chain. */
export interface BitcoinTransaction {
  readonly txid: string;
  readonly isCoinbase: boolean;
  /** The coins it spends, `txid:vout`; none for a coinbase. */
  readonly outpoints: readonly string[];
  readonly outputs: readonly TransactionOutput[];
  readonly vsize: number;
}

/** Reads a raw transaction (lower-case hex), else `bitcoin.transaction-malformed`. For those who follow a chain. */
export function decodeTransaction(rawTransaction: string, chain: BitcoinChainId): Result<BitcoinTransaction> {
  if (!isHex(rawTransaction)) return refused('bitcoin.transaction-malformed', 'A raw transaction is given in hex.');
  try {
    const transaction = Transaction.fromHex(rawTransaction);
    const isCoinbase = transaction.isCoinbase();
    return accepted({
      txid: transaction.getId(),
      isCoinbase,
      outpoints: isCoinbase ? [] : transaction.ins.map((input) => `${txidOfHash(input.hash)}:${input.index}`),
      outputs: transaction.outs.map(({ script, value }, index) => ({
        index,
        address: addressOfScript(script, chain),
        scriptPubKey: toHex(script),
        amountSat: value,
      })),
      vsize: transaction.virtualSize(),
    });
  } catch {
    return refused('bitcoin.transaction-malformed', 'These bytes are no Bitcoin transaction.');
  }
}
