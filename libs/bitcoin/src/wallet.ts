import { address as addressCodec } from 'bitcoinjs-lib';
import { hash160, sha256, toHex } from './bytes.js';
import { descriptorChecksum } from './descriptor-checksum.js';
import { networkOf } from './networks.js';
import { recoveryKeyExpression, recoveryKeys, type Branch } from './recovery-key.js';
import type { BitcoinWalletSpec } from './wallet-spec.js';
import { compileQuorumScript } from './witness-script.js';

/** Where an address stands in its wallet. */
export interface AddressPath {
  readonly branch: Branch;
  /** Unhardened BIP-32 child number, 0..2^31-1. */
  readonly index: number;
}

export interface WalletAddress extends AddressPath {
  readonly address: string;
  /** Lower-case hex. */
  readonly scriptPubKey: string;
  /** Lower-case hex. */
  readonly witnessScript: string;
}

function descriptorWith(spec: BitcoinWalletSpec, derivation: string): string {
  const quorum = `multi(${spec.threshold},${spec.quorumKeys.join(',')})`;
  const recovery = `and_v(v:pkh(${recoveryKeyExpression(spec)}/${derivation}),older(${spec.recoveryDelayBlocks}))`;
  const descriptor = `wsh(or_d(${quorum},${recovery}))`;
  return `${descriptor}#${descriptorChecksum(descriptor)}`;
}

/** The wallet's descriptor with both branches (`/<0;1>/*`, BIP-389) and its BIP-380 checksum. */
export const walletDescriptor = (spec: BitcoinWalletSpec): string => descriptorWith(spec, '<0;1>/*');

/** The descriptor of one branch, for nodes that want receive and change imported apart. */
export const branchDescriptor = (spec: BitcoinWalletSpec, branch: Branch): string =>
  descriptorWith(spec, `${branch}/*`);

/** One address of the wallet. Throws on an index outside 0..2^31-1. */
export const deriveAddress = (spec: BitcoinWalletSpec, branch: Branch, index: number): WalletAddress =>
  addressOf(spec, branch, index, recoveryKeys(spec, branch)(index));

/** At about 700 bytes an address, some 10 MB. */
const MAX_KEPT_LISTS = 256;
const MAX_KEPT_LENGTH = 64;
const lists = new Map<string, readonly WalletAddress[]>();

/**
 * `count` addresses of one branch, from index `from` on. Lists of a wallet's usual window are kept: while a wallet is
 * opened, each look at its entry, proposal and approvals included, works them out.
 */
export function deriveAddresses(
  spec: BitcoinWalletSpec,
  branch: Branch,
  from: number,
  count: number,
): readonly WalletAddress[] {
  const { chain, threshold, quorumKeys, recovery, recoveryDelayBlocks } = spec;
  const all = [chain, threshold, quorumKeys, recovery, recoveryDelayBlocks, branch, from, count];
  const name = JSON.stringify(all);
  const known = lists.get(name);
  if (known !== undefined) return known;
  const keyAt = recoveryKeys(spec, branch);
  const list = Array.from({ length: count }, (_, i) => addressOf(spec, branch, from + i, keyAt(from + i)));
  if (count > MAX_KEPT_LENGTH) return list;
  const oldest = lists.keys().next();
  if (lists.size >= MAX_KEPT_LISTS && oldest.done !== true) lists.delete(oldest.value);
  lists.set(name, Object.freeze(list.map((address) => Object.freeze(address))));
  return list;
}

function addressOf(spec: BitcoinWalletSpec, branch: Branch, index: number, recoveryKey: Uint8Array): WalletAddress {
  const witnessScript = compileQuorumScript({ ...spec, recoveryKeyHash: toHex(hash160(recoveryKey)) });
  const program = sha256(witnessScript);
  return {
    address: addressCodec.toBech32(program, 0, networkOf(spec.chain).bech32),
    branch,
    index,
    // P2WSH (BIP-141): version 0, push of 32 bytes
    scriptPubKey: `0020${toHex(program)}`,
    witnessScript: toHex(witnessScript),
  };
}
