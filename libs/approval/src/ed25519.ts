import { createPublicKey, verify } from 'node:crypto';
import { keyObjectOfPrivate, type PrivateKey } from './private-key.js';

/** The field prime of edwards25519 and its constant d = -121665/121666 (RFC 8032, 5.1). */
const P = 2n ** 255n - 19n;
const mod = (value: bigint): bigint => ((value % P) + P) % P;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = mod(base), left = exponent; left > 0n; left >>= 1n, square = mod(square * square)) {
    if (left & 1n) result = mod(result * square);
  }
  return result;
}
const inverse = (value: bigint): bigint => power(value, P - 2n);
const D = mod(-121665n * inverse(121666n));

/** x² of the points whose second coordinate is y (RFC 8032, 5.1.3). */
const xSquared = (y: bigint): bigint => mod((y * y - 1n) * inverse(D * y * y + 1n));
const isSquare = (value: bigint): boolean => value === 0n || power(value, (P - 1n) / 2n) === 1n;

/** The second coordinate of the doubled point; the sign of x plays no part in it. */
function doubled(y: bigint): bigint {
  const xx = xSquared(y);
  return mod((y * y + xx) * inverse(2n + xx - y * y));
}

/**
 * True for a public key of 32 bytes (hex) that is a point of edwards25519 in its one encoding and is not of small
 * order: under a key of order 1, 2, 4 or 8 anybody can make signatures that verify (RFC 8032 leaves this to the caller).
 */
export function isEd25519Key(publicKey: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(publicKey)) return false;
  const bytes = Buffer.from(publicKey, 'hex').reverse();
  bytes[0] = (bytes[0] ?? 0) & 0x7f; // the sign of x
  const y = BigInt(`0x${bytes.toString('hex')}`);
  if (y >= P || !isSquare(xSquared(y))) return false;
  return doubled(doubled(doubled(y))) !== 1n;
}

/** The public key (32 bytes, hex) of an Ed25519 private key. Throws when it is not such a key. */
export function ed25519PublicKey(privateKey: PrivateKey): string {
  const jwk = createPublicKey(keyObjectOfPrivate(privateKey)).export({ format: 'jwk' });
  if (jwk.crv !== 'Ed25519' || !jwk.x) throw new Error('not an Ed25519 key');
  return Buffer.from(jwk.x, 'base64url').toString('hex');
}

/** Ed25519 over the message (RFC 8032, 5.1.7). A key that is not {@link isEd25519Key} has signed nothing. */
export function verifiesEd25519(publicKey: string, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isEd25519Key(publicKey)) return false;
  const x = Buffer.from(publicKey, 'hex').toString('base64url');
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
  return verify(null, message, key, signature);
}
