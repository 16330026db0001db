import { charterEntrySchema, headSchema, KEY_STATES } from '@bulkhead/charter';
import { digestSchema, instantSchema, REFUSALS, slugSchema, type RefusalCode } from '@bulkhead/intent';
import { signedDecisionSchema } from '@bulkhead/policy';
import { z } from 'zod';

/** What signers answer. A signer is another trust domain: whatever does not fit is `signer.answer-invalid`. */
const publicKeySchema = z.string().regex(/^0[23][0-9a-f]{64}$/);
const refusalCodeSchema = z.custom<RefusalCode>(
  (value) => typeof value === 'string' && Object.hasOwn(REFUSALS, value),
  'not a code of the catalogue',
);

export const problemSchema = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: refusalCodeSchema,
  detail: z.string(),
  facts: z.record(z.string(), z.string()),
  decision: signedDecisionSchema.optional(),
});

export const headsSchema = z.strictObject({
  firm: digestSchema,
  heads: z.record(z.string(), headSchema),
  entries: z.int().min(0),
});
export type SignerHeads = z.infer<typeof headsSchema>;

export const entriesSchema = z.strictObject({ entries: z.array(charterEntrySchema).max(500), more: z.boolean() });
export type SignerEntries = z.infer<typeof entriesSchema>;

export const decisionsSchema = z.strictObject({
  decisions: z.array(signedDecisionSchema).max(500),
  /** How many decisions there are, and the hash of the last. */
  tip: z.strictObject({ count: z.int().min(0), hash: digestSchema }),
});
export type SignerDecisions = z.infer<typeof decisionsSchema>;

export const keySchema = z.strictObject({
  signer: slugSchema,
  wallet: slugSchema,
  publicKey: publicKeySchema,
  /** What the token says about the private key. */
  attributes: z.record(z.string(), z.boolean()),
});
export type SignerKey = z.infer<typeof keySchema>;

export const proofSchema = z.strictObject({
  signer: slugSchema,
  wallet: slugSchema,
  /** Verified by whoever asked for it. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type SignerProof = z.infer<typeof proofSchema>;

export const takenSchema = z.strictObject({ taken: z.literal(true) });
export const KEY_CLASSES = ['QUORUM', 'GAS', 'MPC_SHARE', 'SEAL', 'WRAPPING', 'BINDING', 'UNKNOWN'] as const;
const instant = instantSchema.nullable();
const heldKeySchema = z.strictObject({
  keyClass: z.enum(KEY_CLASSES),
  label: z.string().max(200),
  wallet: slugSchema.nullable(),
  publicKey: publicKeySchema.nullable(),
  state: z.enum(KEY_STATES).nullable(),
  inToken: z.boolean(),
  attributes: z.record(z.string(), z.boolean()).nullable(),
  problem: refusalCodeSchema.nullable(),
  isRecorded: z.boolean(),
  createdAt: instant,
  destroyedAt: instant,
  lastUsedAt: instant,
  uses: z.int().min(0),
});
export type HeldKey = z.infer<typeof heldKeySchema>;

export const keyReportSchema = z.strictObject({
  signer: slugSchema,
  holder: z.string().max(100).nullable(),
  place: z.string().max(200).nullable(),
  token: z.strictObject({ label: z.string(), serial: z.string(), manufacturer: z.string(), model: z.string() }),
  keys: z.array(heldKeySchema).max(50_000),
});
export type SignerKeys = z.infer<typeof keyReportSchema>;

export const destroyedSchema = z.strictObject({ destroyed: z.literal(true) });
export const confirmedSchema = z.strictObject({ held: z.literal(true) });

export const signatureSchema = z.strictObject({
  inputIndex: z.int().min(0).nullable(),
  publicKey: publicKeySchema,
  digest: digestSchema,
  /** r || s, 64 bytes in hex. Verified by whoever uses it. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type SignerSignature = z.infer<typeof signatureSchema>;

export const signedSchema = z.strictObject({
  signer: slugSchema,
  wallet: slugSchema,
  payloadDigest: digestSchema,
  signatures: z.array(signatureSchema).min(1),
  decision: signedDecisionSchema,
});
export type Signed = z.infer<typeof signedSchema>;

export const healthSchema = z.strictObject({
  signer: slugSchema,
  state: z.enum(['ready', 'unavailable']),
  code: refusalCodeSchema.nullable(),
  token: z.strictObject({ state: z.string(), detail: z.string() }),
  charter: headsSchema,
});
export type SignerHealth = z.infer<typeof healthSchema>;
