import { z } from 'zod';
import { pkcs11ProfileSchema, tokenLabelSchema } from '../profile.js';
import { DIGEST_BYTES, SIGNATURE_BYTES } from '../signature.js';

/*
 * What a signer and its module host say to each other, over the channel that only the two have. Both ends parse what
 * they get: the host runs foreign native code, and the parent talks to the network.
 */

export const MOST_WORKERS = 16;
/** Of what custodians put together for a wrapping key. */
export const WRAPPING_SECRET_BYTES = 32;

/** Names a key for ever. Its SHA-256 is the CKA_ID in the token, the name itself the CKA_LABEL. */
export const keyIdSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9._:/-]{0,126}[a-z0-9])?$/, 'lower-case letters, digits and . _ : / - between them');

const bytesSchema = (length: number) =>
  z.instanceof(Uint8Array).refine((bytes) => bytes.length === length, `exactly ${length} bytes`);
export const digestSchema = bytesSchema(DIGEST_BYTES);
/** Something to be sealed, what it is bound to, or the sealed form. */
export const secretSchema = z.instanceof(Uint8Array).refine((bytes) => bytes.length <= 131_072, 'at most 128 KiB');

/** Names a wrapping key, as a ceremony did. */
export const wrappingKeyIdSchema = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'a slug');

/** What the token says about a private key, read back from it (PKCS#11 v2.40 sections 4.8 and 4.9). */
export const keyAttributesSchema = z.strictObject({
  sensitive: z.boolean(),
  extractable: z.boolean(),
  alwaysSensitive: z.boolean(),
  neverExtractable: z.boolean(),
  local: z.boolean(),
  sign: z.boolean(),
  signRecover: z.boolean(),
  decrypt: z.boolean(),
  unwrap: z.boolean(),
  derive: z.boolean(),
});
export type KeyAttributes = z.infer<typeof keyAttributesSchema>;

export const keyRecordSchema = z.strictObject({
  keyId: keyIdSchema,
  /** Compressed point of secp256k1 (SEC 1 section 2.3.3), 66 hex digits. */
  publicKey: z.string().regex(/^0[23][0-9a-f]{64}$/),
  attributes: keyAttributesSchema,
});
export type KeyRecord = z.infer<typeof keyRecordSchema>;

/** A secret in the token, as its objects say of themselves. */
export const tokenObjectSchema = z.strictObject({
  kind: z.enum(['private', 'secret']),
  label: z.string(),
  attributes: z.strictObject({
    sensitive: z.boolean(),
    extractable: z.boolean(),
    local: z.boolean(),
    sign: z.boolean(),
    decrypt: z.boolean(),
    unwrap: z.boolean(),
  }),
});
export type TokenObject = z.infer<typeof tokenObjectSchema>;

/**
 * A key as it is kept outside of any token: wrapped (CKM_AES_KEY_WRAP_PAD, RFC 5649), with the record of what it is and
 * an HMAC-SHA-256 over both by a key that only tokens with the same wrapping key have. Changing a byte of either, or
 * putting one key's record to another's blob, is found out before anything is unwrapped.
 */
export const wrappedKeySchema = z.strictObject({
  v: z.literal(1),
  record: keyRecordSchema,
  wrappingKey: wrappingKeyIdSchema,
  /** Both in base64. */
  wrapped: z.base64().max(8_192),
  mac: z.base64().max(64),
});
export type WrappedKey = z.infer<typeof wrappedKeySchema>;

/** By which a wrapping key is known: see `wrappingCheck`. */
export const wrappingCheckSchema = z.string().regex(/^[0-9a-f]{64}$/);

export const tokenInfoSchema = z.strictObject({
  label: z.string(),
  serial: z.string(),
  manufacturer: z.string(),
  model: z.string(),
});
export type TokenInfo = z.infer<typeof tokenInfoSchema>;

/** The token's one record, which only moves forward: by epoch, and by generation within an epoch. */
export const tokenRecordSchema = z.strictObject({
  epoch: z.int().nonnegative(),
  generation: z.int().nonnegative(),
  /** Who wrote it: tells two processes in one epoch apart. */
  holder: z.string().regex(/^[0-9a-f]{32}$/),
  value: z.string().max(2_000),
});
export type TokenRecord = z.infer<typeof tokenRecordSchema>;

/** What somebody has put beside the sealing key that it was sealed with. */
export const keptSealedSchema = z.strictObject({ keyId: keyIdSchema, bytes: secretSchema });
export type KeptSealed = z.infer<typeof keptSealedSchema>;

/** The first message a host gets: which token to open. The PIN comes by an inherited descriptor instead. */
export const openOrderSchema = z.strictObject({
  profile: pkcs11ProfileSchema,
  tokenLabel: tokenLabelSchema,
  /** Where logins are counted before they are tried. */
  pinTriesFile: z.string().min(1),
  /** How many threads sign. */
  workers: z.int().min(1).max(MOST_WORKERS),
});
export type OpenOrder = z.infer<typeof openOrderSchema>;

const requestId = z.int().nonnegative();
export const requestSchema = z.discriminatedUnion('op', [
  z.strictObject({ id: requestId, op: z.literal('generateKey'), keyId: keyIdSchema }),
  z.strictObject({ id: requestId, op: z.literal('publicKey'), keyId: keyIdSchema }),
  z.strictObject({ id: requestId, op: z.literal('signDigest'), keyId: keyIdSchema, digest: digestSchema }),
  z.strictObject({ id: requestId, op: z.literal('tokenInfo') }),
  z.strictObject({ id: requestId, op: z.literal('listKeys') }),
  z.strictObject({ id: requestId, op: z.literal('listObjects') }),
  /** For good. Only the key of this name and this public key. */
  z.strictObject({
    id: requestId,
    op: z.literal('destroyKey'),
    keyId: keyIdSchema,
    publicKey: keyRecordSchema.shape.publicKey,
  }),
  z.strictObject({ id: requestId, op: z.literal('readRecord') }),
  z.strictObject({
    id: requestId,
    op: z.literal('advanceRecord'),
    expected: tokenRecordSchema.nullable(),
    next: tokenRecordSchema,
    settleMs: z.int().min(0).max(1_000),
  }),
  z.strictObject({ id: requestId, op: z.literal('generateSealKey'), keyId: keyIdSchema }),
  z.strictObject({ id: requestId, op: z.literal('seal'), keyId: keyIdSchema, aad: secretSchema, bytes: secretSchema }),
  z.strictObject({
    id: requestId,
    op: z.literal('unseal'),
    keyId: keyIdSchema,
    aad: secretSchema,
    bytes: secretSchema,
  }),
  z.strictObject({ id: requestId, op: z.literal('keepSealed'), keyId: keyIdSchema, bytes: secretSchema }),
  z.strictObject({ id: requestId, op: z.literal('listSealed') }),
  z.strictObject({ id: requestId, op: z.literal('destroySealKey'), keyId: keyIdSchema }),
  z.strictObject({
    id: requestId,
    op: z.literal('installWrappingKey'),
    wrappingKey: wrappingKeyIdSchema,
    secret: bytesSchema(WRAPPING_SECRET_BYTES),
  }),
  z.strictObject({ id: requestId, op: z.literal('wrappingKeyCheck'), wrappingKey: wrappingKeyIdSchema }),
  z.strictObject({ id: requestId, op: z.literal('wrapKey'), keyId: keyIdSchema, wrappingKey: wrappingKeyIdSchema }),
  z.strictObject({ id: requestId, op: z.literal('unwrapKey'), blob: wrappedKeySchema }),
]);
export type HostRequest = z.infer<typeof requestSchema>;
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
export type HostCall = WithoutId<HostRequest>;

/** What each request is answered with when it is not refused. */
export const answerValueSchemas = {
  generateKey: keyRecordSchema,
  publicKey: keyRecordSchema,
  signDigest: bytesSchema(SIGNATURE_BYTES),
  tokenInfo: tokenInfoSchema,
  listKeys: z.array(z.string()),
  listObjects: z.array(tokenObjectSchema),
  destroyKey: z.null(),
  readRecord: tokenRecordSchema.nullable(),
  advanceRecord: z.null(),
  generateSealKey: z.null(),
  seal: secretSchema,
  unseal: secretSchema,
  keepSealed: z.null(),
  listSealed: z.array(keptSealedSchema),
  destroySealKey: z.null(),
  installWrappingKey: wrappingCheckSchema,
  wrappingKeyCheck: wrappingCheckSchema,
  wrapKey: wrappedKeySchema,
  unwrapKey: keyRecordSchema,
} as const satisfies Record<HostCall['op'], z.ZodType>;
export type AnswerValue<Op extends HostCall['op']> = z.infer<(typeof answerValueSchemas)[Op]>;

export const HOST_REFUSALS = [
  'request.malformed',
  'keys.not-found',
  'keys.attributes-wrong',
  'keys.signature-invalid',
  'keys.record-moved',
  'keys.seal-broken',
  'keys.not-kept',
  'keys.not-destroyed',
] as const;

const failure = { detail: z.string(), ckr: z.string().optional() };
export const hostMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ready'), token: tokenInfoSchema }),
  /** The token cannot be used. With reason `pin` the host must not be started again until a person did something. */
  z.strictObject({ kind: z.literal('cannot-start'), reason: z.enum(['module', 'token', 'pin']), ...failure }),
  /** The module failed while it worked: the host ends, and a new one starts from nothing. */
  z.strictObject({ kind: z.literal('failing'), ...failure }),
  z.strictObject({ kind: z.literal('answer'), id: requestId, value: z.unknown() }),
  z.strictObject({
    kind: z.literal('refusal'),
    id: requestId,
    code: z.enum(HOST_REFUSALS),
    detail: z.string(),
    facts: z.record(z.string(), z.string()),
  }),
]);
export type HostMessage = z.infer<typeof hostMessageSchema>;
