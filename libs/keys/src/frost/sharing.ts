import { schnorr_FROST as frost, secp256k1 } from '@noble/curves/secp256k1.js';
import { fromHex } from './group.js';

const { Point } = secp256k1;
const { Fn } = Point;

/*
 * Shamir's secret sharing over the scalars of secp256k1 with Feldman's commitments (RFC 9591 appendix C): what resharing
 * needs beyond the library's key generation.
 */

/** A random polynomial of `threshold` coefficients with the given value at 0, and the commitments to it, hex. */
export function randomPolynomial(threshold: number, atZero: bigint) {
  const coefficients = [
    atZero,
    ...Array.from({ length: threshold - 1 }, () => Fn.fromBytes(frost.utils.randomScalar())),
  ];
  return { coefficients, commitments: coefficients.map((each) => Point.BASE.multiply(each).toHex(true)) };
}

/** The polynomial's value at a member's number, 32 bytes. */
export function evaluate(coefficients: readonly bigint[], at: number): Uint8Array {
  const x = BigInt(at);
  return Fn.toBytes(coefficients.reduceRight((sum, coefficient) => Fn.add(Fn.mul(sum, x), coefficient), 0n));
}

/** The point that the polynomial's value at a number must give, from the commitments to it; hex. */
export function commitmentAt(commitments: readonly string[], at: number): string {
  const x = BigInt(at);
  return commitments
    .map((commitment) => Point.fromHex(commitment))
    .reduceRight((sum, point) => sum.multiplyUnsafe(x).add(point), Point.ZERO)
    .toHex(true);
}

/** Whether a value (32 bytes) lies on the polynomial that was committed to. False for anything that is no scalar. */
export function liesOn(commitments: readonly string[], at: number, value: Uint8Array): boolean {
  try {
    return Point.BASE.multiply(Fn.fromBytes(value)).toHex(true) === commitmentAt(commitments, at);
  } catch {
    return false; // out of range, or a commitment that is no point
  }
}

/** Lagrange's coefficient at 0 of one number among several (RFC 9591 section 4.2). */
export function weightAtZero(numbers: readonly number[], of: number): bigint {
  return numbers
    .filter((number) => number !== of)
    .map(BigInt)
    .reduce((product, x) => Fn.mul(product, Fn.div(x, Fn.sub(x, BigInt(of)))), 1n);
}

/** A share weighted so that the weighted shares of `numbers` sum to the secret. */
export const weighted = (share: Uint8Array, numbers: readonly number[], own: number): bigint =>
  Fn.mul(Fn.fromBytes(share), weightAtZero(numbers, own));

export const weightedPoint = (point: string, numbers: readonly number[], own: number): string =>
  Point.fromHex(point).multiplyUnsafe(weightAtZero(numbers, own)).toHex(true);

export const sumOfScalars = (scalars: readonly Uint8Array[]): Uint8Array =>
  Fn.toBytes(scalars.reduce((sum, scalar) => Fn.add(sum, Fn.fromBytes(scalar)), 0n));

/** Commitment by commitment, the sum of several polynomials' commitments. */
export function sumOfCommitments(all: readonly (readonly string[])[], threshold: number): string[] {
  return Array.from({ length: threshold }, (_, place) =>
    all.reduce((sum, commitments) => sum.add(Point.fromHex(commitments[place] ?? '')), Point.ZERO).toHex(true),
  );
}

/** Whether hex is a point of the curve other than infinity. */
export function isPoint(hex: string): boolean {
  try {
    Point.fromBytes(fromHex(hex)).assertValidity();
    return true;
  } catch {
    return false;
  }
}
