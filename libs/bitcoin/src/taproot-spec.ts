import { secp256k1 } from '@noble/curves/secp256k1.js';
import { accepted, refused, type BitcoinChainId, type Result } from '@bulkhead/intent';
import { address as codec } from 'bitcoinjs-lib';
import { fromHex } from './bytes.js';
import { descriptorChecksum } from './descriptor-checksum.js';
import { networkOf } from './networks.js';

/** A wallet that is one Taproot output key, spent by its key path alone (BIP-341). */
export interface TaprootWalletSpec {
  readonly chain: BitcoinChainId;
  /** The output key Q, x-only, lower-case hex. */
  readonly outputKey: string;
}

/** OP_1 and a push of 32 bytes, lower-case hex. */
export const taprootScript = ({ outputKey }: TaprootWalletSpec): string => `5120${outputKey}`;

export const isTaprootScript = (script: Uint8Array): boolean =>
  script.length === 34 && script[0] === 0x51 && script[1] === 0x20;

export const taprootAddress = ({ chain, outputKey }: TaprootWalletSpec): string =>
  codec.toBech32(fromHex(outputKey), 1, networkOf(chain).bech32);

/** `rawtr(Q)` with its checksum: the key as it stands in the output, without a tweak of the reader's (BIP-386). */
export function taprootDescriptor({ outputKey }: TaprootWalletSpec): string {
  const descriptor = `rawtr(${outputKey})`;
  return `${descriptor}#${descriptorChecksum(descriptor)}`;
}

const { Point } = secp256k1;
const { Fn } = Point;

/**
 * The output key (x-only, hex) of a threshold group whose members 1, 2, 3, … hold shares with these public points (the
 * verifying shares of RFC 9591). `bitcoin.wallet-malformed` when a point is none, or does not lie on the one polynomial
 * of degree `threshold - 1` that the others give, or when fewer than the threshold would do.
 */
export function groupOutputKey(threshold: number, verifyingShares: readonly string[]): Result<string> {
  const malformed = (detail: string) => refused('bitcoin.wallet-malformed', detail, { threshold: String(threshold) });
  if (threshold < 2 || threshold > verifyingShares.length)
    return malformed('The threshold is 2 to the number of shares.');
  try {
    const points = verifyingShares.map((share) => Point.fromHex(share));
    const base = points.slice(0, threshold);
    const astray = points.findIndex((point, place) => place >= threshold && !valueAt(base, place + 1).equals(point));
    if (astray >= 0) return malformed(`Share ${astray + 1} is not of the same key as the others.`);
    const last = points[threshold - 1];
    if (last && valueAt(base.slice(0, -1), threshold).equals(last))
      return malformed('Fewer of these shares than the threshold give the key.');
    return accepted(valueAt(base, 0).toHex(true).slice(2));
  } catch {
    return malformed('A verifying share is no point, or they are of no key.');
  }
}

/** Lagrange's interpolation in the exponent: what lies at `at` when `points` lie at 1, 2, 3, … */
function valueAt(points: readonly InstanceType<typeof Point>[], at: number): InstanceType<typeof Point> {
  const numbers = points.map((_, place) => BigInt(place + 1));
  const x = BigInt(at);
  return points.reduce((sum, point, place) => {
    const own = BigInt(place + 1);
    const weight = numbers
      .filter((number) => number !== own)
      .reduce((product, number) => Fn.mul(product, Fn.div(Fn.create(x - number), Fn.create(own - number))), 1n);
    return sum.add(point.multiplyUnsafe(weight));
  }, Point.ZERO);
}
