import { createHmac } from 'node:crypto';
import { accepted, refused, type BitcoinChainId, type Result } from '@bulkhead/intent';
import { BIP32Factory } from 'bip32';
import * as ecc from 'tiny-secp256k1';
import { fromHex, sha256, toHex } from './bytes.js';
import { networkOf } from './networks.js';
import type { BitcoinWalletSpec } from './wallet-spec.js';

const bip32 = BIP32Factory(ecc);

/**
 * The point H of BIP-341 ("Constructing and spending Taproot outputs"), taken with an even y: its x is the SHA-256 of
 * the generator's uncompressed encoding, so that nobody knows its discrete logarithm.
 */
export const NUMS_PUBLIC_KEY = '0250929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0';

/**
 * The unspendable extended key of a wallet without recovery: the NUMS point at depth 0 with chain code
 * `SHA-256(K1 || .. || Kn)`. Each of its children is the point plus a tweak that anybody can recompute, so nobody
 * knows a child's private key either, and the wallet's addresses still differ.
 */
export function unspendableExtendedKey(chain: BitcoinChainId, quorumKeys: readonly string[]): string {
  const chainCode = sha256(...quorumKeys.map(fromHex));
  return bip32.fromPublicKey(fromHex(NUMS_PUBLIC_KEY), chainCode, networkOf(chain)).toBase58();
}

/** The public key (compressed hex) in an extended public key of the chain's network, else `bitcoin.wallet-malformed`. */
export function parseExtendedPublicKey(text: string, chain: BitcoinChainId): Result<string> {
  // Never in the facts: what was pasted by mistake may be a private key.
  if (/^[a-zA-Z]prv/.test(text)) {
    return refused('bitcoin.wallet-malformed', 'This is a private key: the recovery key is given as an xpub.');
  }
  try {
    const node = bip32.fromBase58(text, networkOf(chain));
    if (node.isNeutered()) return accepted(toHex(node.publicKey));
  } catch {
    // bip32 tells a wrong checksum, length, version or point by messages only; none is for the caller to act upon
  }
  return refused(
    'bitcoin.wallet-malformed',
    'The recovery key must be a BIP-32 extended public key (xpub on main, tpub elsewhere) with a valid checksum.',
  );
}

const extendedKeyOf = ({ chain, quorumKeys, recovery }: BitcoinWalletSpec): string =>
  recovery.kind === 'none' ? unspendableExtendedKey(chain, quorumKeys) : recovery.xpub;

/** The extended key in the wallet's descriptor, with `[fingerprint/path]` before it when its origin is known. */
export function recoveryKeyExpression(spec: BitcoinWalletSpec): string {
  const key = extendedKeyOf(spec);
  const origin = spec.recovery.kind === 'none' ? undefined : spec.recovery.origin;
  if (origin === undefined) return key;
  const path = origin.path.replaceAll("'", 'h');
  return `[${origin.fingerprint}${path === '' ? '' : `/${path}`}]${key}`;
}

/** Branch 0 gives receive addresses, branch 1 change. */
export type Branch = 0 | 1;

/** An extended public key without its place in the tree. */
interface PublicNode {
  readonly publicKey: Uint8Array;
  readonly chainCode: Uint8Array;
}

/** The first hardened child number: those cannot be derived from a public key. */
const HARDENED = 0x80000000;

/**
 * CKDpub of BIP-32, without the fingerprints and serialisation that the bip32 package works out at every step: four
 * times the addresses per second. Throws on an index outside 0..2^31-1.
 */
function childOf(parent: PublicNode, index: number): PublicNode {
  if (!Number.isInteger(index) || index < 0 || index >= HARDENED)
    throw new RangeError('not an unhardened child number');
  const number = Buffer.alloc(4);
  number.writeUInt32BE(index);
  const hash = createHmac('sha512', parent.chainCode).update(parent.publicKey).update(number).digest();
  const publicKey = ecc.pointAddScalar(parent.publicKey, hash.subarray(0, 32), true);
  // BIP-32 skips such an index; it has a chance of 1 in 2^127
  if (publicKey === null) throw new RangeError('this child number has no key');
  return { publicKey, chainCode: hash.subarray(32) };
}

const MAX_CACHED_BRANCHES = 4096;
const branches = new Map<string, PublicNode>();

/** The node `R/<branch>` whose children are a wallet's recovery keys: kept, since working it out costs ten addresses. */
function branchNode(spec: BitcoinWalletSpec, branch: Branch): PublicNode {
  const base = spec.recovery.kind === 'none' ? spec.quorumKeys.join() : spec.recovery.xpub;
  const name = `${spec.chain}/${base}/${branch}`;
  const known = branches.get(name);
  if (known !== undefined) return known;
  const node = childOf(bip32.fromBase58(extendedKeyOf(spec), networkOf(spec.chain)), branch);
  const oldest = branches.keys().next();
  if (branches.size >= MAX_CACHED_BRANCHES && oldest.done !== true) branches.delete(oldest.value);
  branches.set(name, node);
  return node;
}

/** The public keys `R/<branch>/<index>` of a wallet, as a function of the index. */
export function recoveryKeys(spec: BitcoinWalletSpec, branch: Branch): (index: number) => Uint8Array {
  const node = branchNode(spec, branch);
  return (index) => childOf(node, index).publicKey;
}
