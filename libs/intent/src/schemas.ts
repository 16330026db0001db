import { z } from 'zod';
import { assetIdSchema, chainIdSchema } from './chains.js';
import { digestJson, type Digest } from './canonical.js';

/** A short readable name that a person chose: member, owner, wallet, signer, key. Never reused for something else. */
export const slugSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'lower-case letters, digits, hyphens');
/** RFC 9562, in lower case only, so that one id has one spelling. */
export const uuidSchema = z.uuid().lowercase();
export const digestSchema = z
  .string()
  .refine((value): value is Digest => /^[0-9a-f]{64}$/.test(value), '64 lower-case hex digits')
  .meta({ type: 'string', pattern: '^[0-9a-f]{64}$' });
/** An instant, RFC 3339 in UTC with milliseconds, so that it has one form only. */
export const instantSchema = z.iso.datetime({ precision: 3 });
/**
 * Text that can be signed and kept: well-formed Unicode, since a lone surrogate has no canonical JSON (RFC 8785,
 * 3.2.2.2), and without U+0000, which PostgreSQL holds in no column.
 */
export const textSchema = z
  .string()
  .refine((text) => !/\p{Surrogate}/u.test(text) && !text.includes('\0'), 'not well-formed Unicode, or with U+0000');
/** A decimal string of the smallest unit. Its bounds are checked against the asset, see `parsePositiveAmount`. */
export const amountSchema = textSchema.max(90).meta({ examples: ['250000'] });

/** Why a transfer is made. Each purpose has its own quorum in the charter; a purpose without a quorum is refused. */
export const PURPOSES = ['PAYMENT', 'TEST_PAYMENT', 'FEE_INVOICE', 'RESTITUTION'] as const;
export type Purpose = (typeof PURPOSES)[number];
/**
 * Of an intent that pays nobody: a Safe exchanges one owner for the one that the charter names. It names the Safe as payee
 * and no ether as amount, and is held to rules of its own; no policy can permit it.
 */
export const OWNER_SWAP = 'OWNER_SWAP';
export const INTENT_PURPOSES = [...PURPOSES, OWNER_SWAP] as const;
export type IntentPurpose = (typeof INTENT_PURPOSES)[number];

/**
 * The wish to move an amount out of one wallet, as its initiator signs it. The payload (the bytes to be signed) is
 * built from it later and must agree with it in every part.
 */
export const transferIntentSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('transfer'),
  /** Digest of the firm's genesis entry: an intent of one firm means nothing to another. */
  firm: digestSchema,
  id: uuidSchema,
  purpose: z.enum(INTENT_PURPOSES),
  owner: slugSchema,
  wallet: slugSchema,
  asset: assetIdSchema,
  /** Where it goes: an address of the asset's chain. */
  to: textSchema.min(1).max(120),
  amount: amountSchema,
  /** The most that the network may take, in the chain's smallest unit. "0" for a Safe: the house's gas payer pays. */
  maxFee: amountSchema,
  memo: textSchema.max(200),
  /** Digest of the transfer intent in whose place this one stands: nobody signs it while the other could still be paid. */
  replaces: digestSchema.optional(),
  initiator: slugSchema,
  createdAt: instantSchema,
  expiresAt: instantSchema,
});
export type TransferIntent = z.infer<typeof transferIntentSchema>;

/** Digest of an intent of any kind: what every approval names. */
export const intentDigest = (intent: { readonly v: 1; readonly kind: string }): Digest =>
  digestJson('bulkhead/intent/v1', intent);

/** A payload is the exact bytes that signers are asked about; its digest is what approvals bind to. */
export const payloadSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('psbt'),
    chain: chainIdSchema,
    /** Base64 of a BIP-174 PSBT without any signature, each input with its full previous transaction. */
    psbt: z.base64().max(4_000_000),
  }),
  z.strictObject({
    kind: z.literal('safe-tx'),
    chain: chainIdSchema,
    safe: textSchema.max(120),
    /** The SafeTx struct of Safe 1.4.1, integers as decimal strings. */
    tx: z.strictObject({
      to: textSchema.max(120),
      value: amountSchema,
      data: z
        .string()
        .regex(/^0x([0-9a-f]{2})*$/)
        .max(200_000),
      operation: z.union([z.literal(0), z.literal(1)]),
      safeTxGas: amountSchema,
      baseGas: amountSchema,
      gasPrice: amountSchema,
      gasToken: textSchema.max(120),
      refundReceiver: textSchema.max(120),
      nonce: amountSchema,
    }),
  }),
]);
export type Payload = z.infer<typeof payloadSchema>;
export type SafeTx = Extract<Payload, { kind: 'safe-tx' }>['tx'];

export const payloadDigest = (payload: Payload): Digest =>
  digestJson(payload.kind === 'psbt' ? 'bulkhead/payload/psbt/v1' : 'bulkhead/payload/safe-tx/v1', payload);
