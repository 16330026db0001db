import { randomBytes } from 'node:crypto';
import { deriveAddress, type BitcoinWalletSpec, type Branch, type WalletCoin } from '@bulkhead/bitcoin';
import { networks, Psbt, Transaction } from 'bitcoinjs-lib';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const ANY_SEQUENCE = 0xfffffffd;

/** A coin of the wallet made by a transaction that no chain has seen: to a signer it is as good as any. */
export function inventCoin(spec: BitcoinWalletSpec, amountSat: bigint, branch: Branch = 0, index = 0): WalletCoin {
  const previous = new Transaction();
  previous.version = 2;
  previous.addInput(Uint8Array.from(randomBytes(32)), 0);
  previous.addOutput(bytes(deriveAddress(spec, branch, index).scriptPubKey), amountSat);
  const previousTransaction = previous.toHex();
  return { txid: previous.getId(), vout: 0, amountSat, branch, index, previousTransaction };
}

export interface ForgedInput {
  readonly spec: BitcoinWalletSpec;
  readonly coin: WalletCoin;
}

/** Any transaction whatever, written as a PSBT that cannot be told from one of ours by its form. */
export function forgePsbt(
  inputs: readonly ForgedInput[],
  outputs: readonly { readonly address: string; readonly amountSat: bigint }[],
): string {
  const psbt = new Psbt({ network: networks.regtest });
  psbt.setVersion(2);
  for (const { spec, coin } of inputs) {
    const owned = deriveAddress(spec, coin.branch, coin.index);
    psbt.addInput({
      hash: coin.txid,
      index: coin.vout,
      sequence: ANY_SEQUENCE,
      nonWitnessUtxo: bytes(coin.previousTransaction),
      witnessUtxo: { script: bytes(owned.scriptPubKey), value: coin.amountSat },
      witnessScript: bytes(owned.witnessScript),
    });
  }
  for (const { address, amountSat } of outputs) psbt.addOutput({ address, value: amountSat });
  return psbt.toBase64();
}
