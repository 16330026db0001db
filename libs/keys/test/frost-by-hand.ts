import { createHash, randomBytes } from 'node:crypto';
import * as ecc from 'tiny-secp256k1';

/*
 * A member of a Taproot group written from the standards alone, for tests: RFC 9591 sections 4 to 5.2 with the hashes of
 * section 6.5 and the context of the Taproot variant, RFC 9380 section 5.3.1, BIP-340. Its arithmetic is BigInt and
 * tiny-secp256k1 (libsecp256k1); it has no line in common with what it signs together with.
 */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const CONTEXT = 'FROST-secp256k1-SHA256-TR-v1';

export interface Pair<Value> {
  readonly hiding: Value;
  readonly binding: Value;
}
/** By number; points are compressed. */
export type Promised = ReadonlyMap<number, Pair<Uint8Array>>;

const sha256 = (...parts: readonly (Uint8Array | string)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const toInteger = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const modulo = (value: bigint): bigint => ((value % ORDER) + ORDER) % ORDER;
const scalar = (value: bigint): Buffer => Buffer.from(modulo(value).toString(16).padStart(64, '0'), 'hex');
const isOdd = (point: Uint8Array): boolean => point[0] === 3;
const number32 = (number: number): Buffer => scalar(BigInt(number));

function times(point: Uint8Array, factor: bigint): Uint8Array {
  const product = ecc.pointMultiply(point, scalar(factor), true);
  if (!product) throw new Error('infinity');
  return product;
}
function sum(points: readonly Uint8Array[]): Uint8Array {
  return points.reduce((total, point) => {
    const added = ecc.pointAdd(total, point, true);
    if (!added) throw new Error('infinity');
    return added;
  });
}

/** RFC 9380: expand_message_xmd with SHA-256 to 48 bytes, then a scalar. */
function hashToScalar(message: Uint8Array, tag: string): bigint {
  const name = Buffer.from(CONTEXT + tag, 'utf8');
  const domain = Buffer.concat([name, Buffer.from([name.length])]);
  const first = sha256(Buffer.alloc(64), message, Buffer.from([0, 48, 0]), domain);
  const one = sha256(first, Buffer.from([1]), domain);
  const mixed = Buffer.from(first.map((byte, place) => byte ^ (one[place] ?? 0)));
  const two = sha256(mixed, Buffer.from([2]), domain);
  return modulo(toInteger(Buffer.concat([one, two]).subarray(0, 48)));
}

export const newNonces = (): Pair<bigint> => ({
  hiding: modulo(toInteger(randomBytes(48))),
  binding: modulo(toInteger(randomBytes(48))),
});

export function promiseOf({ hiding, binding }: Pair<bigint>): Pair<Uint8Array> {
  const [one, other] = [hiding, binding].map((nonce) => ecc.pointFromScalar(scalar(nonce), true));
  if (!one || !other) throw new Error('a nonce is zero');
  return { hiding: one, binding: other };
}

/** What all members work out alike: binding factors, the group's commitment, the challenge. */
export function commonOf(groupKey: Uint8Array, promised: Promised, message: Uint8Array) {
  const key = Buffer.concat([Buffer.from([2]), groupKey.subarray(1)]);
  const list = [...promised].sort(([one], [other]) => one - other);
  const encoded = Buffer.concat(
    list.flatMap(([number, { hiding, binding }]) => [number32(number), Buffer.from(hiding), Buffer.from(binding)]),
  );
  const prefix = Buffer.concat([key, sha256(CONTEXT, 'msg', message), sha256(CONTEXT, 'com', encoded)]);
  const factors = new Map(
    list.map(([number]) => [number, hashToScalar(Buffer.concat([prefix, number32(number)]), 'rho')]),
  );
  const parts = new Map(
    list.map(([number, { hiding, binding }]) => [number, sum([hiding, times(binding, factors.get(number) ?? 0n)])]),
  );
  const commitment = sum([...parts.values()]);
  const tag = sha256('BIP0340/challenge');
  const challenge = modulo(toInteger(sha256(tag, tag, commitment.subarray(1), key.subarray(1), message)));
  return { factors, parts, commitment, challenge };
}

/** Lagrange's weight of a member at zero (section 4.2). */
function weightOf(numbers: readonly number[], own: number): bigint {
  const others = numbers.filter((number) => number !== own).map(BigInt);
  const numerator = others.reduce((product, other) => modulo(product * other), 1n);
  const denominator = others.reduce((product, other) => modulo(product * (other - BigInt(own))), 1n);
  return modulo(numerator * inverse(denominator));
}

/** By Fermat: the order is prime. */
function inverse(value: bigint): bigint {
  let [result, base, exponent] = [1n, value, ORDER - 2n];
  for (; exponent > 0n; exponent >>= 1n, base = modulo(base * base)) if (exponent & 1n) result = modulo(result * base);
  return result;
}

/** Section 5.2. Keys and commitments of odd y stand for their negatives, as BIP-340 has it. */
export function shareByHand(
  groupKey: Uint8Array,
  own: { readonly number: number; readonly share: Uint8Array; readonly nonces: Pair<bigint> },
  promised: Promised,
  message: Uint8Array,
): Uint8Array {
  const { factors, commitment, challenge } = commonOf(groupKey, promised, message);
  const nonce = own.nonces.hiding + own.nonces.binding * (factors.get(own.number) ?? 0n);
  const secret = isOdd(groupKey) ? -toInteger(own.share) : toInteger(own.share);
  const weight = weightOf([...promised.keys()], own.number);
  return scalar((isOdd(commitment) ? -nonce : nonce) + weight * secret * challenge);
}

/** Section 5.3: whether a share is the one that its member promised, by the member's verifying share. */
export function holdsByHand(
  groupKey: Uint8Array,
  of: { readonly number: number; readonly verifyingShare: Uint8Array; readonly share: Uint8Array },
  promised: Promised,
  message: Uint8Array,
): boolean {
  const { parts, commitment, challenge } = commonOf(groupKey, promised, message);
  const part = parts.get(of.number) ?? new Uint8Array();
  const weight = weightOf([...promised.keys()], of.number) * challenge;
  const right = sum([
    isOdd(commitment) ? times(part, -1n) : part,
    times(of.verifyingShare, isOdd(groupKey) ? -weight : weight),
  ]);
  return Buffer.from(ecc.pointFromScalar(of.share, true) ?? []).equals(right);
}
