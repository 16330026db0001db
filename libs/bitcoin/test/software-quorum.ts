import { createHash, randomBytes } from 'node:crypto';
import { REGTEST } from '@bulkhead/intent';
import {
  deriveAddress,
  type AddressPath,
  type BitcoinWalletSpec,
  type InputSignature,
  type OwnAddressLookup,
  type RecoverySpec,
  type SigningDigest,
  type WalletCoin,
} from '@bulkhead/bitcoin';
import { Transaction } from 'bitcoinjs-lib';
import * as ecc from 'tiny-secp256k1';

/** A wallet whose quorum keys are in memory. For tests only: real quorum keys never leave their tokens. */
export interface SoftwareQuorum {
  readonly spec: BitcoinWalletSpec;
  readonly privateKeys: readonly Uint8Array[];
}

export const publicKeyOf = (privateKey: Uint8Array): string => {
  const point = ecc.pointFromScalar(privateKey, true);
  if (point === null) throw new TypeError('not a private key');
  return Buffer.from(point).toString('hex');
};

export interface QuorumOptions {
  readonly threshold?: number;
  readonly keys?: number;
  readonly recovery?: RecoverySpec;
  readonly recoveryDelayBlocks?: number;
  /** Gives the same keys each time; random without. */
  readonly seed?: string;
}

export function softwareQuorum(options: QuorumOptions = {}): SoftwareQuorum {
  const privateKeys = Array.from({ length: options.keys ?? 3 }, (_, i) =>
    options.seed === undefined
      ? new Uint8Array(randomBytes(32))
      : new Uint8Array(createHash('sha256').update(`${options.seed}/${i}`).digest()),
  );
  const spec: BitcoinWalletSpec = {
    chain: REGTEST,
    threshold: options.threshold ?? 2,
    quorumKeys: privateKeys.map(publicKeyOf),
    recovery: options.recovery ?? { kind: 'none' },
    recoveryDelayBlocks: options.recoveryDelayBlocks ?? 4320,
  };
  return { spec, privateKeys };
}

/** A coin at one of the wallet's addresses, with a made-up transaction that pays it (and a decoy output before it). */
export function fundedCoin(spec: BitcoinWalletSpec, path: AddressPath, amountSat: bigint, salt: string): WalletCoin {
  const { scriptPubKey } = deriveAddress(spec, path.branch, path.index);
  const transaction = new Transaction();
  transaction.version = 2;
  transaction.addInput(createHash('sha256').update(salt).digest(), 0, 0xfffffffd);
  transaction.addOutput(Buffer.from(`0014${'ab'.repeat(20)}`, 'hex'), 12_345n);
  transaction.addOutput(Buffer.from(scriptPubKey, 'hex'), amountSat);
  return { txid: transaction.getId(), vout: 1, amountSat, ...path, previousTransaction: transaction.toHex() };
}

/** Finds the first addresses of both branches by their script. */
export function lookupOf(spec: BitcoinWalletSpec, count: number): OwnAddressLookup {
  const paths = new Map<string, AddressPath>();
  for (const branch of [0, 1] as const) {
    for (let index = 0; index < count; index += 1) {
      paths.set(deriveAddress(spec, branch, index).scriptPubKey, { branch, index });
    }
  }
  return (scriptPubKey) => paths.get(scriptPubKey);
}

/** Signatures of the members (by position of their key) over every digest. */
export const signAll = (
  quorum: SoftwareQuorum,
  digests: readonly SigningDigest[],
  members: readonly number[],
): readonly InputSignature[] =>
  members.flatMap((member) => {
    const privateKey = quorum.privateKeys[member];
    if (privateKey === undefined) throw new RangeError('no such member');
    return digests.map(({ inputIndex, digest }) => ({
      inputIndex,
      publicKey: publicKeyOf(privateKey),
      signature: ecc.sign(digest, privateKey),
    }));
  });
