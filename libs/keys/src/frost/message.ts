import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  sign,
  verify,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import {
  accepted,
  canonicalJson,
  digestJson,
  digestSchema,
  refused,
  slugSchema,
  type Digest,
  type Result,
} from '@bulkhead/intent';
import { z } from 'zod';
import { frostGroupSchema, pointSchema, scalarSchema } from './group.js';

const base64Schema = z.base64().max(8_000);

/** Of one input: the two points of RFC 9591 section 5.1. */
export const nonceCommitmentSchema = z.strictObject({
  inputIndex: z.int().min(0),
  hiding: pointSchema,
  binding: pointSchema,
});
export type NonceCommitment = z.infer<typeof nonceCommitmentSchema>;

export const inputShareSchema = z.strictObject({ inputIndex: z.int().min(0), share: scalarSchema });
export type InputShare = z.infer<typeof inputShareSchema>;

const MOST_INPUTS = 200;

/** What members say to each other. Secret values are only ever in `deal`, encrypted to the one member it is for. */
export const bodySchema = z.discriminatedUnion('kind', [
  /** Round 1: a fresh key for what is encrypted to this member, and a dealer's commitments. */
  z.strictObject({
    kind: z.literal('announce'),
    /** X25519 (RFC 7748), hex. */
    ephemeral: scalarSchema,
    dealer: z
      .strictObject({
        commitments: z.array(pointSchema).min(2).max(9),
        /** That the dealer knows what it commits to; not needed where the first commitment follows from the group. */
        proof: z
          .string()
          .regex(/^[0-9a-f]{128}$/)
          .nullable(),
      })
      .nullable(),
  }),
  /** Round 2: AES-256-GCM; tag at the end. */
  z.strictObject({ kind: z.literal('deal'), iv: base64Schema, sealed: base64Schema }),
  /** Round 3: what came out. */
  z.strictObject({ kind: z.literal('confirm'), group: frostGroupSchema }),
  /** After a switch to other members: a new one signs with its new share from here on. */
  z.strictObject({ kind: z.literal('using') }),
  /** Signing, round 1. `id` is random: it names the nonces for ever. */
  z.strictObject({
    kind: z.literal('nonces'),
    id: scalarSchema,
    nonces: z.array(nonceCommitmentSchema).min(1).max(MOST_INPUTS),
  }),
  /** Signing, round 2. */
  z.strictObject({ kind: z.literal('shares'), shares: z.array(inputShareSchema).min(1).max(MOST_INPUTS) }),
]);
export type Body = z.infer<typeof bodySchema>;
export type BodyOf<Kind extends Body['kind']> = Extract<Body, { kind: Kind }>;

export const frostMessageSchema = z.strictObject({
  v: z.literal(1),
  /** Digest of what the session is for: its id, members, threshold, group and epoch, or the payload. */
  terms: digestSchema,
  /** Digest of every message of the rounds before; zeros in the first. */
  transcript: digestSchema,
  from: slugSchema,
  /** Null: for every member. */
  to: slugSchema.nullable(),
  body: bodySchema,
});
export type FrostMessage = z.infer<typeof frostMessageSchema>;

/** A message as the carrier gets it: it can drop it, but neither read what is encrypted nor change a byte. */
export const signedMessageSchema = z.strictObject({
  message: frostMessageSchema,
  /** The sender's certificate, DER in base64. */
  certificate: base64Schema,
  /** ECDSA with SHA-256 over the 32 bytes of the message's digest by the certificate's P-256 key: r || s, hex. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type SignedMessage = z.infer<typeof signedMessageSchema>;

/** A member's P-256 key and the certificate by which the others know it, both PEM. */
export interface MemberIdentity {
  readonly privateKey: string;
  readonly certificate: string;
}

/** The SHA-256 fingerprint (hex) of a member's certificate, out of the charter. */
export type Fingerprints = (member: string) => string | undefined;

const messageDigest = (message: FrostMessage): Digest => digestJson('bulkhead/frost-message/v1', message);

export function signMessage(message: FrostMessage, { privateKey, certificate }: MemberIdentity): SignedMessage {
  const digest = Buffer.from(messageDigest(message), 'hex');
  return {
    message,
    certificate: new X509Certificate(certificate).raw.toString('base64'),
    signature: sign('sha256', digest, { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('hex'),
  };
}

export interface Expected<Kind extends Body['kind']> {
  readonly kind: Kind;
  readonly terms: Digest;
  readonly transcript: Digest;
  readonly to: string | null;
}

/** The body of a message when the member that it names has signed it for this place in this session. */
export function openMessage<Kind extends Body['kind']>(
  { message, certificate, signature }: SignedMessage,
  expected: Expected<Kind>,
  fingerprints: Fingerprints,
): Result<BodyOf<Kind>> {
  const { from, to, terms, transcript, body } = message;
  const invalid = (problem: string) =>
    refused('mpc.message-invalid', 'A message of the group is not to be believed.', { member: from, problem });
  const der = Buffer.from(certificate, 'base64');
  if (createHash('sha256').update(der).digest('hex') !== fingerprints(from)) return invalid('another certificate');
  if (!isSignedBy(der, messageDigest(message), signature)) return invalid('signature');
  if (terms !== expected.terms) return invalid('another session');
  if (transcript !== expected.transcript) return invalid('it answers to other messages than these');
  if (to !== expected.to) return invalid('it is for another member');
  if (body.kind !== expected.kind) return invalid('another round');
  return accepted(body as BodyOf<Kind>);
}

function isSignedBy(certificate: Buffer, digest: Digest, signature: string): boolean {
  try {
    const key = new X509Certificate(certificate).publicKey;
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false;
    const bytes = Buffer.from(signature, 'hex');
    return verify('sha256', Buffer.from(digest, 'hex'), { key, dsaEncoding: 'ieee-p1363' }, bytes);
  } catch {
    return false;
  }
}

/** One digest over messages, whoever brought them and in whatever order. */
export const transcriptOf = (messages: readonly FrostMessage[]): Digest =>
  digestJson('bulkhead/frost-transcript/v1', messages.map(messageDigest).sort());

/** A key that lives as long as one session. */
export class EphemeralKey {
  private readonly pair = generateKeyPairSync('x25519');
  /** 32 bytes, hex. */
  readonly publicKey = Buffer.from(this.pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');

  /**
   * Encrypts to the holder of another such key; `header` is what the ciphertext is bound to. Undefined when `to` is a point
   * of low order, by which everybody would have the same secret (RFC 7748 section 6.1).
   */
  seal(to: string, header: Omit<FrostMessage, 'body'>, secret: Uint8Array): BodyOf<'deal'> | undefined {
    const iv = randomBytes(12);
    let key: Uint8Array;
    try {
      key = this.agree(to, header);
    } catch {
      return undefined;
    }
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(bytesOf(header));
    const sealed = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    return { kind: 'deal', iv: iv.toString('base64'), sealed: sealed.toString('base64') };
  }

  /** What was encrypted to this key by the holder of `from`; undefined when it was not, or not for this place. */
  open(from: string, header: Omit<FrostMessage, 'body'>, { iv, sealed }: BodyOf<'deal'>): Uint8Array | undefined {
    const bytes = Buffer.from(sealed, 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.agree(from, header), Buffer.from(iv, 'base64'), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(bytesOf(header)).setAuthTag(bytes.subarray(-TAG_BYTES));
      return Uint8Array.from(Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]));
    } catch {
      return undefined;
    }
  }

  private agree(peer: string, header: Omit<FrostMessage, 'body'>): Uint8Array {
    const shared = diffieHellman({ privateKey: this.pair.privateKey, publicKey: x25519(peer) });
    return new Uint8Array(hkdfSync('sha256', shared, Buffer.alloc(0), bytesOf(header), 32));
  }
}

const TAG_BYTES = 16;

const x25519 = (hex: string): KeyObject =>
  createPublicKey({
    key: { kty: 'OKP', crv: 'X25519', x: Buffer.from(hex, 'hex').toString('base64url') },
    format: 'jwk',
  });

const bytesOf = (header: Omit<FrostMessage, 'body'>): Buffer => Buffer.from(canonicalJson(header), 'utf8');
