import { script } from 'bitcoinjs-lib';
import { SIGNATURE_BYTES } from './signature.js';

/** The library's form ends in a hash type (BIP-62), which plain DER has not: SIGHASH_ALL stands in. */
const HASH_TYPE = 0x01;

/** Strict DER (BIP-66) of 64 bytes r || s. Throws RangeError on another length. */
export function signatureToDer(signature: Uint8Array): Uint8Array {
  if (signature.length !== SIGNATURE_BYTES) throw new RangeError(`a signature of ${signature.length} bytes`);
  return script.signature.encode(signature, HASH_TYPE).slice(0, -1);
}

/** The 64 bytes r || s of a strict DER signature (BIP-66); `undefined` when it is anything else. */
export function signatureFromDer(der: Uint8Array): Uint8Array | undefined {
  try {
    return script.signature.decode(Uint8Array.from([...der, HASH_TYPE])).signature;
  } catch {
    return undefined;
  }
}
