import { branchDescriptor, deriveAddress, taprootDescriptor, walletDescriptor } from '@bulkhead/bitcoin';
import {
  bitcoinSpec,
  charterEntrySchema,
  headSchema,
  taprootSpec,
  type CharterEntry,
  type CharterState,
  type Wallet,
} from '@bulkhead/charter';
import { ownerAddress } from '@bulkhead/ethereum';
import {
  accepted,
  canonicalJson,
  digestJson,
  digestSchema,
  instantSchema,
  refused,
  slugSchema,
  textSchema,
  type Digest,
  type Result,
} from '@bulkhead/intent';
import { z } from 'zod';
import { extractFor, replayExtract } from './extract.js';

/**
 * Where a signer's keys are: the token's label and serial number, who holds it, and where. Null or not there: unknown.
 * Claims, but for a serial number that the charter names; checked at the token.
 */
const tokenHolderSchema = z.strictObject({
  signer: slugSchema,
  tokenLabel: textSchema.min(1).max(32).nullable(),
  tokenSerial: textSchema.max(64).nullable(),
  holder: textSchema.min(1).max(100).optional(),
  place: textSchema.min(1).max(200).optional(),
});
export type TokenHolder = z.infer<typeof tokenHolderSchema>;

const kitKeySchema = z.strictObject({
  signer: slugSchema,
  /** Compressed point, hex. */
  publicKey: z.string(),
  /**
   * The key's name in its token (CKA_LABEL; CKA_ID is the first 20 bytes of the name's SHA-256). Of an MPC wallet: the
   * beginning of the names of what seals the share, and of the data object that it lies in.
   */
  keyId: z.string(),
  /** The Safe owner or gas payer that the key stands for, EIP-55; null on Bitcoin. */
  address: z.string().nullable(),
});
export type KitKey = z.infer<typeof kitKeySchema>;

const kitWalletSchema = z.strictObject({
  id: slugSchema,
  kind: z.string(),
  chain: z.string(),
  threshold: z.int().min(1),
  /** With its BIP-380 checksum; null for a wallet that has none. The first is for people, the others for nodes. */
  descriptors: z
    .strictObject({ wallet: z.string(), receive: z.string().nullable(), change: z.string().nullable() })
    .nullable(),
  /** Addresses 0..n-1 of each branch were issued, at most. */
  addressWindow: z.int().nullable(),
  /** The first receive address, or the wallet's only one. */
  firstAddress: z.string(),
  saltNonce: z.string().nullable(),
  keys: z.array(kitKeySchema),
});
export type KitWallet = z.infer<typeof kitWalletSchema>;

const kitSchema = z.strictObject({
  v: z.literal(1),
  format: z.literal('bulkhead-recovery-kit'),
  issuedAt: instantSchema,
  /** Hash of the genesis entry: what whoever opens the kit has from elsewhere and compares. */
  firm: digestSchema,
  firmName: z.string(),
  owner: z.strictObject({ id: slugSchema, name: z.string(), estate: z.string() }),
  heads: z.record(z.string(), headSchema),
  wallets: z.array(kitWalletSchema),
  /** The pinned Safe contracts, which Safe addresses follow from. */
  safeContracts: z.unknown(),
  destinations: z.array(z.strictObject({ chain: z.string(), address: z.string(), label: z.string() })),
  holders: z.array(tokenHolderSchema),
  charter: z.array(charterEntrySchema),
});
export type RecoveryKit = z.infer<typeof kitSchema>;

/** A kit's file, and what the API answers with. */
export const sealedKitSchema = z.strictObject({ kit: kitSchema, hash: digestSchema });

export interface OpenedKit {
  readonly kit: RecoveryKit;
  readonly hash: Digest;
  /** The charter as the kit's own extract gives it, every approval verified. */
  readonly state: CharterState;
}

/**
 * Everything needed to find an owner's money again and to move it with the tokens' keys: no secret is in it. All but
 * `issuedAt` and what is claimed of tokens follows from the charter's entries.
 *
 * @param entries all entries, or the owner's extract, in the order of their enactment
 */
export function buildKit(
  entries: readonly CharterEntry[],
  firm: Digest,
  ownerId: string,
  holders: readonly TokenHolder[],
  issuedAt: string,
): Result<RecoveryKit> {
  const charter = extractFor(entries, ownerId);
  const replayed = replayExtract(charter, firm);
  return replayed.ok ? kitOf(replayed.value, charter, ownerId, holders, issuedAt) : replayed;
}

function kitOf(
  state: CharterState,
  charter: CharterEntry[],
  ownerId: string,
  holders: readonly TokenHolder[],
  issuedAt: string,
): Result<RecoveryKit> {
  const owner = state.owners.get(ownerId);
  if (!owner) return refused('charter.unknown-owner', 'No such owner in the charter.', { owner: ownerId });
  const { id, name, estate } = owner;
  const wallets = [...state.wallets.values()].filter((wallet) => wallet.owner === ownerId).sort(byId);
  const signers = new Set(wallets.flatMap(({ keys }) => keys.map(({ signer }) => signer)));
  return accepted({
    v: 1,
    format: 'bulkhead-recovery-kit',
    issuedAt,
    firm: state.firm,
    firmName: state.genesis.name,
    owner: { id, name, estate },
    heads: state.heads.toObject(),
    wallets: wallets.map(kitWallet),
    safeContracts: state.genesis.safeContracts,
    destinations: destinationsOf(state, ownerId),
    holders: [...signers].sort().map((signer) => holderOf(state, signer, holders)),
    charter,
  });
}

/** The token that the charter names goes before one that a ceremony has seen: that one may have been replaced since. */
function holderOf(state: CharterState, signer: string, claims: readonly TokenHolder[]): TokenHolder {
  const named = state.signers.get(signer)?.tokenSerial?.trim();
  const claim = claims.find((holder) => holder.signer === signer);
  const tokenSerial = claim?.tokenSerial ?? named ?? null;
  return claim && (named === undefined || named === tokenSerial?.trim())
    ? { ...claim, tokenSerial }
    : { signer, tokenLabel: null, tokenSerial: named ?? null };
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

function kitWallet(wallet: Wallet): KitWallet {
  const { id, kind, chain } = wallet;
  const onEthereum = kind === 'safe' || kind === 'gas-payer';
  const keys = wallet.keys.map(({ signer, publicKey }) => ({
    signer,
    publicKey,
    keyId: wallet.kind === 'taproot-mpc' ? `frost/${taprootSpec(wallet).outputKey}` : id,
    address: onEthereum ? ownerAddress(publicKey) : null,
  }));
  const common = { id, kind, chain, keys, descriptors: null, addressWindow: null, saltNonce: null };
  switch (wallet.kind) {
    case 'bitcoin-multisig': {
      const spec = bitcoinSpec(wallet);
      return {
        ...common,
        threshold: wallet.threshold,
        descriptors: {
          wallet: walletDescriptor(spec),
          receive: branchDescriptor(spec, 0),
          change: branchDescriptor(spec, 1),
        },
        addressWindow: wallet.addressWindow,
        firstAddress: deriveAddress(spec, 0, 0).address,
      };
    }
    case 'safe':
      return {
        ...common,
        threshold: wallet.threshold,
        firstAddress: wallet.address,
        saltNonce: wallet.saltNonce,
      };
    case 'taproot-mpc':
      return {
        ...common,
        threshold: wallet.threshold,
        descriptors: { wallet: taprootDescriptor(taprootSpec(wallet)), receive: null, change: null },
        firstAddress: wallet.address,
      };
    case 'gas-payer':
      return { ...common, threshold: 1, firstAddress: wallet.address };
  }
}

function destinationsOf(state: CharterState, owner: string): RecoveryKit['destinations'] {
  return [...state.destinations.values()]
    .flatMap((owners) => owners.get(owner) ?? [])
    .map(({ chain, address, label }) => ({ chain, address, label }))
    .sort((a, b) => (`${a.chain}/${a.address}` < `${b.chain}/${b.address}` ? -1 : 1));
}

export const kitDigest = (kit: RecoveryKit): Digest => digestJson('bulkhead/recovery-kit/v1', kit);

/** The kit's file: RFC 8785 JSON of the kit and its hash, so that the same kit is the same bytes. */
export const sealKit = (kit: RecoveryKit): string => `${canonicalJson({ kit, hash: kitDigest(kit) })}\n`;

/**
 * Opens a kit and believes nothing in it: its charter is run through the reducer from the pinned genesis, and every
 * descriptor, address, key and destination must be what follows from that. `kit.malformed`, `kit.mismatch`, or the
 * reducer's refusals.
 *
 * @param firm hash of the genesis entry, which the operator has from another source (the ceremony's transcript)
 */
export function openKit(text: string, firm: Digest): Result<OpenedKit> {
  const parsed = sealedKitSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refused('kit.malformed', 'Not a recovery kit of this format.', {
      at: issue?.path.join('.') ?? '',
      problem: issue?.message ?? 'unknown',
    });
  }
  const { kit, hash } = parsed.data;
  if (kitDigest(kit) !== hash) return refused('kit.mismatch', 'The kit was changed: its hash is another.', { hash });
  const state = replayExtract(kit.charter, firm);
  if (!state.ok) return state;
  const charter = extractFor(kit.charter, kit.owner.id);
  const rebuilt = kitOf(state.value, charter, kit.owner.id, kit.holders, kit.issuedAt);
  if (!rebuilt.ok) return rebuilt;
  const differing = (Object.keys(kit) as (keyof RecoveryKit)[]).find(
    (part) => canonicalJson(kit[part]) !== canonicalJson(rebuilt.value[part]),
  );
  if (differing) {
    return refused('kit.mismatch', 'A part of the kit does not follow from its charter.', { part: differing });
  }
  return accepted({ kit, hash, state: state.value });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
