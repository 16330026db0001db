import { type JsonWebKey, createPublicKey, verify } from 'node:crypto';
import pkcs11 from 'pkcs11js';
import { type Pkcs11Profile } from '../profile.js';
import { CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EDDSA } from './mechanism-names.js';

export interface ProbedCurve {
  readonly name: 'secp256k1' | 'p256' | 'ed25519';
  /** CKA_EC_PARAMS, DER. */
  readonly params: Buffer;
  readonly keyType: number;
  readonly generate: number;
  readonly sign: number;
  /** Whether a quorum key is of it. */
  readonly needed: boolean;
  readonly use: string;
}

const oid = (hex: string): Buffer => Buffer.from(hex, 'hex');
const ecdsa = { keyType: pkcs11.CKK_EC, generate: pkcs11.CKM_EC_KEY_PAIR_GEN, sign: pkcs11.CKM_ECDSA };

/** Of SEC 2 and FIPS 186 by object identifier; Edwards as PKCS#11 v3.0 section 2.3.5 has it. */
export const PROBED_CURVES: readonly ProbedCurve[] = [
  { name: 'secp256k1', params: oid('06052b8104000a'), ...ecdsa, needed: true, use: 'quorum keys' },
  { name: 'p256', params: oid('06082a8648ce3d030107'), ...ecdsa, needed: false, use: 'approval and TLS keys' },
  {
    name: 'ed25519',
    params: oid('06032b6570'),
    keyType: CKK_EC_EDWARDS,
    generate: CKM_EC_EDWARDS_KEY_PAIR_GEN,
    sign: CKM_EDDSA,
    needed: false,
    use: 'approval keys of machines',
  },
];

/** The bare point in a CKA_EC_POINT, and the form it came in; `undefined` when it is of neither form. */
export function pointOf(
  value: Buffer,
  curve: ProbedCurve['name'],
): { point: Buffer; form: Pkcs11Profile['ecPoint'] } | undefined {
  const length = curve === 'ed25519' ? 32 : 65;
  if (value.length === length) return { point: value, form: 'raw' };
  const isOctetString = value.length === length + 2 && value[0] === 0x04 && value[1] === length;
  return isOctetString ? { point: value.subarray(2), form: 'der-octet-string' } : undefined;
}

/** Whether OpenSSL takes the signature: of SHA-256 of the message for ECDSA, of the message itself for Ed25519. */
export function openSslVerifies(
  curve: ProbedCurve['name'],
  point: Buffer,
  message: Uint8Array,
  signature: Buffer,
): boolean {
  const key = createPublicKey({ key: jwkOf(curve, point), format: 'jwk' });
  if (curve === 'ed25519') return verify(null, message, key, signature);
  return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

function jwkOf(curve: ProbedCurve['name'], point: Buffer): JsonWebKey {
  if (curve === 'ed25519') return { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') };
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'));
  return { kty: 'EC', crv: curve === 'p256' ? 'P-256' : 'secp256k1', x: x ?? '', y: y ?? '' };
}
