import { memberSchema, quorumSchema } from '@bulkhead/approval';
import { isOwnerKey, safeContractsSchema } from '@bulkhead/ethereum';
import {
  amountSchema,
  assetIdSchema,
  chainIdSchema,
  isDecimalAmount,
  PURPOSES,
  slugSchema,
  textSchema,
  uuidSchema,
} from '@bulkhead/intent';
import { z } from 'zod';

/** A firm keeps three signers apart; each holds at most one key of a wallet. */
const signerSchema = z.strictObject({
  id: slugSchema,
  /** SHA-256 of the signer's TLS certificate (DER), hex: the only certificate its peers accept from it. */
  tlsFingerprint: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Caps are read on every decision: they must be numbers from the start. */
const capSchema = amountSchema.refine(isDecimalAmount, 'a decimal string of the smallest unit');

export const limitsSchema = z.strictObject({
  maxFeeSat: capSchema,
  maxFeeRateSatVb: z.int().min(1).max(5000),
  /** The most that the house's gas payer may burn on one transaction: a one-way gift to the client (invariant 8). */
  maxGasCostWei: capSchema,
  feeInvoices: z.array(z.strictObject({ asset: assetIdSchema, maxAmount: capSchema })).max(100),
});

/** What each quorum decides. An act or purpose without a quorum is refused. */
export const GOVERNED = [
  'house.open',
  'client.open',
  'asset.list',
  'proprietary-address.declare',
  'wallet.open',
  'destination.approve',
  ...PURPOSES.map((purpose) => `transfer.${purpose}` as const),
] as const;
export type Governed = (typeof GOVERNED)[number];

export const genesisActSchema = z.strictObject({
  kind: z.literal('genesis'),
  name: textSchema.min(1).max(100),
  bitcoin: chainIdSchema,
  ethereum: chainIdSchema,
  safeContracts: safeContractsSchema,
  signers: z.array(signerSchema).min(2).max(9),
  members: z.array(memberSchema).min(2).max(200),
  quorums: z.partialRecord(z.enum(GOVERNED), quorumSchema),
  limits: limitsSchema,
});

export const ownerSchema = z.strictObject({ id: slugSchema, name: textSchema.min(1).max(100) });

/** A quorum key: a compressed secp256k1 point and the signer whose token generated it. */
export const quorumKeySchema = z.strictObject({
  signer: slugSchema,
  publicKey: z
    .string()
    .regex(/^0[23][0-9a-f]{64}$/)
    .refine(isOwnerKey, 'not a point of secp256k1'),
});

const walletCommon = { id: slugSchema, owner: slugSchema, chain: chainIdSchema };
export const walletSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('bitcoin-multisig'),
    ...walletCommon,
    threshold: z.int().min(2).max(9),
    keys: z.array(quorumKeySchema).min(2).max(9),
    recovery: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('none') }),
      z.strictObject({ kind: z.literal('xpub'), xpub: textSchema.max(120) }),
    ]),
    recoveryDelayBlocks: z.int().min(1).max(65_535),
    /** Addresses 0..n-1 of each branch are indexed by every signer; none beyond is issued, watched or spent. */
    addressWindow: z.int().min(1).max(5_000),
  }),
  z.strictObject({
    kind: z.literal('safe'),
    ...walletCommon,
    threshold: z.int().min(2).max(9),
    keys: z.array(quorumKeySchema).min(2).max(9),
    saltNonce: amountSchema,
    /** Must equal what the owners, threshold and contracts give by CREATE2. */
    address: textSchema.max(120),
  }),
  z.strictObject({
    kind: z.literal('gas-payer'),
    ...walletCommon,
    keys: z.array(quorumKeySchema).length(1),
    address: textSchema.max(120),
  }),
]);
export type Wallet = z.infer<typeof walletSchema>;
export type BitcoinWallet = Extract<Wallet, { kind: 'bitcoin-multisig' }>;
export type SafeWallet = Extract<Wallet, { kind: 'safe' }>;
export type GasPayer = Extract<Wallet, { kind: 'gas-payer' }>;

export const assetSchema = z.strictObject({
  id: assetIdSchema,
  symbol: z.string().regex(/^[A-Z0-9.]{1,12}$/),
  decimals: z.int().min(0).max(36),
});
export type Asset = z.infer<typeof assetSchema>;

export const actSchema = z.discriminatedUnion('kind', [
  genesisActSchema,
  z.strictObject({ kind: z.literal('house.open'), owner: ownerSchema }),
  /** Opens a client's chain: it is that chain's entry 0. */
  z.strictObject({ kind: z.literal('client.open'), owner: ownerSchema }),
  z.strictObject({ kind: z.literal('asset.list'), asset: assetSchema }),
  /** An address of the house that is held elsewhere: known, so that client assets can never reach it. */
  z.strictObject({
    kind: z.literal('proprietary-address.declare'),
    owner: slugSchema,
    chain: chainIdSchema,
    address: textSchema.max(120),
    label: textSchema.min(1).max(100),
  }),
  z.strictObject({ kind: z.literal('wallet.open'), wallet: walletSchema }),
  z.strictObject({
    kind: z.literal('destination.approve'),
    id: uuidSchema,
    owner: slugSchema,
    chain: chainIdSchema,
    address: textSchema.max(120),
    label: textSchema.min(1).max(100),
  }),
]);
export type Act = z.infer<typeof actSchema>;
export type GenesisAct = z.infer<typeof genesisActSchema>;
