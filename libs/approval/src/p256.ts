import { createPrivateKey, createPublicKey, ECDH, verify, type KeyObject } from 'node:crypto';

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

/** The compressed public key (33 bytes, hex; SEC 1, 2.3.3) of a P-256 private key in PEM. Throws when it is not such a key. */
export function p256PublicKey(privateKeyPem: string): string {
  const jwk = createPublicKey(createPrivateKey(privateKeyPem)).export({ format: 'jwk' });
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
export const verifiesP256 = (
  publicKey: string,
  message: Uint8Array,
  signature: Uint8Array,
  encoding: 'ieee-p1363' | 'der',
): boolean =>
  isP256Key(publicKey) && verify('sha256', message, { key: keyObjectOf(publicKey), dsaEncoding: encoding }, signature);
