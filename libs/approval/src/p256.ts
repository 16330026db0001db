import { createPublicKey, ECDH, verify, type KeyObject } from 'node:crypto';
import { keyObjectOfPrivate, type PrivateKey } from './private-key.js';

const keyObjects = new Map<string, KeyObject>();

/** Throws when the point is not on the curve. */
function keyObjectOf(publicKey: string): KeyObject {
  const known = keyObjects.get(publicKey);
  if (known) return known;
  const point = ECDH.convertKey(publicKey, 'prime256v1', 'hex', undefined, 'uncompressed') as Buffer;
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33, 65).toString('base64url'),
    },
  });
  if (keyObjects.size > 10_000) keyObjects.clear();
  keyObjects.set(publicKey, key);
  return key;
}

/** True for a compressed point (hex) that lies on P-256. */
export function isP256Key(publicKey: string): boolean {
  try {
    keyObjectOf(publicKey);
    return true;
  } catch {
    return false;
  }
}

/** The compressed public key (33 bytes, hex; SEC 1, 2.3.3) of a P-256 private key. Throws when it is not such a key. */
export function p256PublicKey(privateKey: PrivateKey): string {
  const jwk = createPublicKey(keyObjectOfPrivate(privateKey)).export({ format: 'jwk' });
  if (jwk.crv !== 'P-256' || !jwk.x || !jwk.y) throw new Error('not a P-256 key');
  return compressedPoint(Buffer.from(jwk.x, 'base64url'), Buffer.from(jwk.y, 'base64url'));
}

/** The compressed form (hex) of a point of P-256, given by its coordinates of 32 bytes each. Throws when it is none. */
export function compressedPoint(x: Uint8Array, y: Uint8Array): string {
  const point = Buffer.concat([Buffer.from([4]), x, y]);
  return ECDH.convertKey(point, 'prime256v1', undefined, 'hex', 'compressed') as string;
}

/**
 * ECDSA with SHA-256 over the message. A key that is no point of the curve has signed nothing.
 *
 * @param encoding `ieee-p1363`: r || s, 64 bytes; `der`: as authenticators write it (WebAuthn, 6.5.6).
 */
export function verifiesP256(
  publicKey: string,
  message: Uint8Array,
  signature: Uint8Array,
  encoding: 'ieee-p1363' | 'der',
): boolean {
  const der = encoding === 'der' ? signature : derOf(signature);
  return der !== undefined && isP256Key(publicKey) && verify('sha256', message, keyObjectOf(publicKey), der);
}

const SCALAR_BYTES = 32;

/**
 * Ecdsa-Sig-Value (RFC 3279, 2.2.3) of r || s; undefined for another length. Node can verify r || s itself, but takes half
 * as long again for it, and verifying is most of what replaying a charter costs.
 */
function derOf(signature: Uint8Array): Uint8Array | undefined {
  if (signature.length !== 2 * SCALAR_BYTES) return undefined;
  const integers = [
    ...derInteger(signature.subarray(0, SCALAR_BYTES)),
    ...derInteger(signature.subarray(SCALAR_BYTES)),
  ];
  return Uint8Array.of(0x30, integers.length, ...integers);
}

/** Without leading zeros, but for one before a first bit that would be a sign (X.690, 8.3). */
function derInteger(scalar: Uint8Array): number[] {
  const first = scalar.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? [0] : [...scalar.subarray(first)];
  const [top = 0] = digits;
  const body = top < 0x80 ? digits : [0, ...digits];
  return [0x02, body.length, ...body];
}
