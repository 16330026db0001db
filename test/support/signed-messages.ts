import { createHash } from 'node:crypto';
import { toSignTransaction, toSpendTransaction } from '@bulkhead/bitcoin';
import { networks, payments, script, Transaction } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';

/** Somebody outside with a P2WPKH address on regtest, who can show it. */
export interface OutsideHolder {
  readonly address: string;
  /** BIP-322 simple, base64. */
  sign(message: string): string;
}

/** @param seed any text: the same gives the same holder */
export function outsideHolder(seed: string): OutsideHolder {
  const secret = new Uint8Array(createHash('sha256').update(seed).digest());
  const publicKey = ecc.pointFromScalar(secret, true);
  if (!publicKey) throw new Error('no key of the curve');
  const { address, output } = payments.p2wpkh({ pubkey: publicKey, network: networks.regtest });
  const { output: code } = payments.p2pkh({ pubkey: publicKey });
  if (address === undefined || !output || !code) throw new Error('no address');
  return {
    address,
    sign: (message) => {
      const toSign = toSignTransaction(toSpendTransaction(message, output));
      const digest = toSign.hashForWitnessV0(0, code, 0n, Transaction.SIGHASH_ALL);
      const signature = script.signature.encode(ecc.sign(digest, secret), Transaction.SIGHASH_ALL);
      return Buffer.concat([
        Buffer.from([2, signature.length]),
        signature,
        Buffer.from([publicKey.length]),
        publicKey,
      ]).toString('base64');
    },
  };
}
