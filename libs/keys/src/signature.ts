import * as secp256k1 from 'tiny-secp256k1';

/** Order n of the group of secp256k1 (SEC 2 version 2.0, section 2.4.1). */
export const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const HALF_ORDER = CURVE_ORDER / 2n;

export const DIGEST_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/**
 * The one of the two equivalent signatures (r, s) and (r, n - s) that Bitcoin relays (BIP-62 rule 5, BIP-146) and
 * Ethereum accepts (EIP-2): the one with s at most n / 2. Takes and gives 64 bytes, r || s, big-endian; `undefined` when
 * the bytes are no signature: another length, or r or s not in 1 .. n - 1.
 */
export function normaliseLowS(signature: Uint8Array): Uint8Array | undefined {
  const scalars = readScalars(signature);
  if (scalars === undefined) return undefined;
  const normalised = Uint8Array.from(signature);
  if (scalars.s > HALF_ORDER) normalised.set(scalarBytes(CURVE_ORDER - scalars.s), 32);
  return normalised;
}

/** Whether 64 bytes r || s are a signature with s at most n / 2. */
export function isLowS(signature: Uint8Array): boolean {
  const scalars = readScalars(signature);
  return scalars !== undefined && scalars.s <= HALF_ORDER;
}

/**
 * Whether a low-S signature (64 bytes) by the public key (33 or 65 bytes) is of this digest (32 bytes). Anything that is
 * not of these shapes, and any high-S signature, is false.
 */
export function verifyLowS(digest: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (digest.length !== DIGEST_BYTES || !secp256k1.isPoint(publicKey) || !isLowS(signature)) return false;
  return secp256k1.verify(digest, publicKey, signature, true);
}

/** A public key (33 or 65 bytes) as its 65 bytes (SEC 1, 2.3.3); `undefined` when it is no point of the curve. */
export const uncompressedPoint = (publicKey: Uint8Array): Uint8Array | undefined =>
  secp256k1.isPoint(publicKey) ? secp256k1.pointCompress(publicKey, false) : undefined;

function readScalars(signature: Uint8Array): { readonly r: bigint; readonly s: bigint } | undefined {
  if (signature.length !== SIGNATURE_BYTES) return undefined;
  const hex = Buffer.from(signature).toString('hex');
  const r = BigInt(`0x${hex.slice(0, 64)}`);
  const s = BigInt(`0x${hex.slice(64)}`);
  const inRange = (scalar: bigint) => scalar > 0n && scalar < CURVE_ORDER;
  return inRange(r) && inRange(s) ? { r, s } : undefined;
}

const scalarBytes = (scalar: bigint): Uint8Array => Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
