import { accepted, refused, type Result } from '@bulkhead/intent';
import * as ecc from 'tiny-secp256k1';
import { fromHex } from './bytes.js';
import { decodeUnsignedPsbt, type DecodedPsbt } from './decode.js';
import type { FinalTransaction } from './finalise.js';
import { digestsOf, type SigningDigest } from './sign.js';
import { taprootScript, type TaprootWalletSpec } from './taproot-spec.js';

/** A group's answer for one input. */
export interface KeyPathSignature {
  readonly inputIndex: number;
  /** BIP-340, 64 bytes. */
  readonly signature: Uint8Array;
}

function decodeOwn(psbtBase64: string, spec: TaprootWalletSpec): Result<DecodedPsbt> {
  const decoded = decodeUnsignedPsbt(psbtBase64, spec.chain);
  if (!decoded.ok) return decoded;
  const own = taprootScript(spec);
  const foreign = decoded.value.facts.inputs.find((input) => input.scriptPubKey !== own);
  return foreign === undefined
    ? decoded
    : refused('segregation.unknown-input', 'An input is at no address of this wallet.', { outpoint: foreign.outpoint });
}

/**
 * What the members of a Taproot wallet have to sign: BIP-341 with SIGHASH_DEFAULT, which covers every amount and script
 * that the transaction spends. Each input must be the wallet's (`segregation.unknown-input`); else as `decodePsbt`.
 */
export function taprootDigests(psbtBase64: string, spec: TaprootWalletSpec): Result<readonly SigningDigest[]> {
  const decoded = decodeOwn(psbtBase64, spec);
  return decoded.ok ? accepted(digestsOf(decoded.value)) : decoded;
}

/**
 * Puts one signature into each input, verified against the digest recomputed here: `keys.signature-invalid`, or
 * `bitcoin.signatures-missing`.
 */
export function finaliseTaprootPsbt(
  psbtBase64: string,
  spec: TaprootWalletSpec,
  signatures: readonly KeyPathSignature[],
): Result<FinalTransaction> {
  const decoded = decodeOwn(psbtBase64, spec);
  if (!decoded.ok) return decoded;
  const signed = decoded.value.unsigned.clone();
  for (const { inputIndex, digest, outpoint } of digestsOf(decoded.value)) {
    const signature = signatures.find((each) => each.inputIndex === inputIndex)?.signature;
    if (signature === undefined)
      return refused('bitcoin.signatures-missing', 'An input has no signature.', { outpoint });
    if (!verifies(digest, spec, signature))
      return refused('keys.signature-invalid', 'A signature does not verify.', { outpoint });
    signed.setWitness(inputIndex, [signature]);
  }
  return accepted({ rawTransaction: signed.toHex(), txid: signed.getId(), vsize: signed.virtualSize() });
}

function verifies(digest: Uint8Array, { outputKey }: TaprootWalletSpec, signature: Uint8Array): boolean {
  try {
    return signature.length === 64 && ecc.verifySchnorr(digest, fromHex(outputKey), signature);
  } catch {
    return false; // r or s out of range
  }
}
