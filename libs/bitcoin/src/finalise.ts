import { accepted, refused, type Result } from '@bulkhead/intent';
import { script, Transaction } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';
import { fromHex } from './bytes.js';
import { decodeUnsignedPsbt, type BitcoinInputFacts } from './decode.js';
import { digestsOf, type SigningDigest } from './sign.js';
import type { BitcoinWalletSpec } from './wallet-spec.js';
import { parseQuorumScript } from './witness-script.js';

/** One quorum key's answer for one input. */
export interface InputSignature {
  readonly inputIndex: number;
  /** Compressed, lower-case hex. */
  readonly publicKey: string;
  /** 64 bytes, r || s, low-S. */
  readonly signature: Uint8Array;
}

export interface FinalTransaction {
  /** Hex, ready to be broadcast. */
  readonly rawTransaction: string;
  readonly txid: string;
  readonly vsize: number;
}

/**
 * Puts a quorum's signatures into the transaction. Every signature is verified against the digest recomputed here and
 * against its key, also those that are not needed: `keys.signature-invalid` for a false one, `bitcoin.script-mismatch` when the
 * PSBT is of another wallet, `bitcoin.signatures-missing` below the threshold.
 */
export function finalisePsbt(
  psbtBase64: string,
  spec: BitcoinWalletSpec,
  signatures: readonly InputSignature[],
): Result<FinalTransaction> {
  const decoded = decodeUnsignedPsbt(psbtBase64, spec.chain);
  if (!decoded.ok) return decoded;
  const { facts, unsigned } = decoded.value;
  const foreign = facts.inputs.find((input) => !isScriptOf(spec, input));
  if (foreign !== undefined) {
    return refused('bitcoin.script-mismatch', 'An input is not of this wallet.', { outpoint: foreign.outpoint });
  }
  const digests = digestsOf(decoded.value);
  const fault = signatures.map((signature) => signatureFault(spec, digests, signature)).find((each) => each);
  if (fault !== undefined) return fault;
  const signed = unsigned.clone();
  for (const [index, input] of facts.inputs.entries()) {
    const witness = quorumWitness(
      spec,
      input,
      signatures.filter((each) => each.inputIndex === index),
    );
    if (!witness.ok) return witness;
    signed.setWitness(index, [...witness.value]);
  }
  return accepted({ rawTransaction: signed.toHex(), txid: signed.getId(), vsize: signed.virtualSize() });
}

/** Quorum, threshold and delay as in the spec; the recovery key's hash follows from the address, which is not known here. */
function isScriptOf(spec: BitcoinWalletSpec, input: BitcoinInputFacts): boolean {
  const parts = input.witnessScript === null ? undefined : parseQuorumScript(fromHex(input.witnessScript));
  return (
    parts?.threshold === spec.threshold &&
    parts.recoveryDelayBlocks === spec.recoveryDelayBlocks &&
    parts.quorumKeys.join() === spec.quorumKeys.join()
  );
}

function signatureFault(
  spec: BitcoinWalletSpec,
  digests: readonly SigningDigest[],
  { inputIndex, publicKey, signature }: InputSignature,
) {
  const invalid = (detail: string) =>
    refused('keys.signature-invalid', detail, { inputIndex: String(inputIndex), publicKey: publicKey.slice(0, 66) });
  const digest = digests[inputIndex]?.digest;
  if (digest === undefined) return invalid('A signature is for an input that the transaction does not have.');
  if (!spec.quorumKeys.includes(publicKey)) return invalid('A signature is by a key that is not of this wallet.');
  return verifies(digest, fromHex(publicKey), signature)
    ? undefined
    : invalid('A signature does not verify, or is not in its low-S form.');
}

function verifies(digest: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean {
  try {
    return signature.length === 64 && ecc.verify(digest, publicKey, signature, true);
  } catch {
    return false; // r or s out of range
  }
}

/** `['', signatures in key order, witnessScript]`: CHECKMULTISIG takes an extra item and walks the keys once (BIP-147). */
function quorumWitness(
  spec: BitcoinWalletSpec,
  input: BitcoinInputFacts,
  signatures: readonly InputSignature[],
): Result<readonly Uint8Array[]> {
  const byKey = new Map(signatures.map((each) => [each.publicKey, each.signature]));
  const inKeyOrder = spec.quorumKeys.flatMap((key) => byKey.get(key) ?? []).slice(0, spec.threshold);
  if (inKeyOrder.length < spec.threshold) {
    return refused('bitcoin.signatures-missing', 'An input has fewer signatures than the quorum needs.', {
      outpoint: input.outpoint,
      signatures: String(inKeyOrder.length),
      threshold: String(spec.threshold),
    });
  }
  const encoded = inKeyOrder.map((signature) => script.signature.encode(signature, Transaction.SIGHASH_ALL));
  return accepted([new Uint8Array(), ...encoded, fromHex(input.witnessScript ?? '')]);
}
