import { memberSchema, quorumSchema } from '@bulkhead/approval';
import { safeContractsSchema } from '@bulkhead/ethereum';
import { amountSchema, assetIdSchema, chainIdSchema, slugSchema, textSchema, uuidSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { breakGlassSchema, GOVERNANCE_ACTS, policySchema } from './governance-acts.js';
import { KEY_ACTS } from './key-acts.js';
import { GOVERNED, limitsSchema, rulesSchema } from './governed.js';
import { KEY_REPLACEMENT_ACTS } from './key-replacement-acts.js';
import { moveTokenSchema } from './move-token.js';
import { ownershipProofSchema } from './ownership.js';
import { calendarSchema, groupSchema, signerSchema } from './parties.js';
import { RESHARING_ACTS } from './mpc-resharing.js';
import { mpcWalletSchema } from './mpc-wallet.js';
import { quorumKeySchema } from './quorum-key.js';

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
  groups: z.array(groupSchema).max(100).optional(),
  /** What is not named is as in {@link USUAL_RULES}. */
  rules: rulesSchema.partial().optional(),
  calendar: calendarSchema.optional(),
  /** For the whole firm; the default ones of @bulkhead/cedar when not named. */
  policies: z
    .array(policySchema.pick({ id: true, text: true }))
    .max(100)
    .optional(),
});

export const ownerSchema = z.strictObject({ id: slugSchema, name: textSchema.min(1).max(100) });

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
  mpcWalletSchema,
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

/** Held by the client, or with a provider (in the travel rule's words: a virtual asset service provider). */
export const CATEGORIES = ['SELF_HOSTED', 'VASP'] as const;
export type Category = (typeof CATEGORIES)[number];

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
  ...KEY_REPLACEMENT_ACTS,
  z.strictObject({
    kind: z.literal('destination.approve'),
    id: uuidSchema,
    owner: slugSchema,
    chain: chainIdSchema,
    address: textSchema.max(120),
    label: textSchema.min(1).max(100),
    /** Self-hosted where it is not named. */
    category: z.enum(CATEGORIES).optional(),
    /** Over `ownershipMessage` of this firm, owner and address; one that does not hold refuses the entry. */
    proof: ownershipProofSchema.optional(),
  }),
  ...RESHARING_ACTS,
  ...GOVERNANCE_ACTS,
  ...KEY_ACTS,
  moveTokenSchema,
  breakGlassSchema,
]);
export type Act = z.infer<typeof actSchema>;
export type GenesisAct = z.infer<typeof genesisActSchema>;
