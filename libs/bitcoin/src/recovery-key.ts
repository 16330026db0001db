import { accepted, refused, type BitcoinChainId, type Result } from '@bulkhead/intent';
import { BIP32Factory, type BIP32Interface } from 'bip32';
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

/** The extended key in the wallet's descriptor, with `[fingerprint/path]` before it when its origin is known. */
export function recoveryKeyExpression(spec: BitcoinWalletSpec): string {
  if (spec.recovery.kind === 'none') return unspendableExtendedKey(spec.chain, spec.quorumKeys);
  const { origin, xpub } = spec.recovery;
  if (origin === undefined) return xpub;
  const path = origin.path.replaceAll("'", 'h');
  return `[${origin.fingerprint}${path === '' ? '' : `/${path}`}]${xpub}`;
}

/** Branch 0 gives receive addresses, branch 1 change. */
export type Branch = 0 | 1;

const MAX_CACHED_BRANCHES = 4096;
const branches = new Map<string, BIP32Interface>();

/** The node `R/<branch>` whose children are the wallet's recovery keys. Kept, because deriving it costs as much as an address. */
export function recoveryBranch(spec: BitcoinWalletSpec, branch: Branch): BIP32Interface {
  const key =
    spec.recovery.kind === 'none'
      ? `${spec.chain}/${spec.quorumKeys.join()}/${branch}`
      : `${spec.chain}/${spec.recovery.xpub}/${branch}`;
  const known = branches.get(key);
  if (known !== undefined) return known;
  const base = spec.recovery.kind === 'none' ? unspendableExtendedKey(spec.chain, spec.quorumKeys) : spec.recovery.xpub;
  const node = bip32.fromBase58(base, networkOf(spec.chain)).derive(branch);
  const oldest = branches.keys().next();
  if (branches.size >= MAX_CACHED_BRANCHES && oldest.done !== true) branches.delete(oldest.value);
  branches.set(key, node);
  return node;
}
