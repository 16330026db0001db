import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  scrypt,
  type BinaryLike,
  type ScryptOptions,
} from 'node:crypto';
import { promisify } from 'node:util';
import { accepted, canonicalJson, digestSchema, refused, slugSchema, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import { wrappingCheckSchema, wrappingKeyIdSchema } from '../host/protocol.js';

/** 128 MiB and some tenths of a second for each guess at a passphrase. */
const SCRYPT = { N: 131_072, r: 8, p: 1 } as const;
const SCRYPT_MEMORY_BYTES = 256 * 1_024 * 1_024;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const FEWEST_PASSPHRASE_BYTES = 12;
export const MOST_CUSTODIANS = 20;

/**
 * One custodian's share of a wrapping secret, encrypted under their passphrase (scrypt, RFC 7914; AES-256-GCM). Everything
 * else in it can be read by anybody and is bound to the share: none of it can be changed.
 */
export const shareFileSchema = z.strictObject({
  v: z.literal(1),
  format: z.literal('bulkhead-custodian-share'),
  /** The firm whose keys the secret is for. */
  firm: digestSchema,
  wrappingKey: wrappingKeyIdSchema,
  /** Of the secret: what a token says of the key that is made of it. */
  check: wrappingCheckSchema,
  /** Shares go together only when they were dealt together. */
  set: z.string().regex(/^[0-9a-f]{32}$/),
  threshold: z.int().min(2).max(MOST_CUSTODIANS),
  custodians: z.array(slugSchema).min(2).max(MOST_CUSTODIANS),
  custodian: slugSchema,
  kdf: z.strictObject({
    name: z.literal('scrypt'),
    N: z.literal(SCRYPT.N),
    r: z.literal(SCRYPT.r),
    p: z.literal(SCRYPT.p),
    salt: z.base64().length(24),
  }),
  /** Base64. */
  nonce: z.base64().length(16),
  /** Ciphertext and tag, in base64. */
  sealed: z.base64().max(200),
});
export type ShareFile = z.infer<typeof shareFileSchema>;
export type ShareTerms = Omit<ShareFile, 'v' | 'format' | 'kdf' | 'nonce' | 'sealed'>;

/** Encrypts a share under a passphrase. The caller wipes both. */
export async function sealShare(terms: ShareTerms, share: Uint8Array, passphrase: Uint8Array): Promise<ShareFile> {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const open = {
    ...terms,
    v: 1,
    format: 'bulkhead-custodian-share',
    kdf: { name: 'scrypt', ...SCRYPT, salt: salt.toString('base64') },
    nonce: nonce.toString('base64'),
  } as const;
  const key = await keyOf(passphrase, salt);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(boundBytes(open));
  const sealed = Buffer.concat([cipher.update(share), cipher.final(), cipher.getAuthTag()]);
  key.fill(0);
  return { ...open, sealed: sealed.toString('base64') };
}

/** The share in the clear, which the caller wipes; `backup.share-broken` for another passphrase or a changed file. */
export async function openShare(file: ShareFile, passphrase: Uint8Array): Promise<Result<Uint8Array>> {
  const { sealed: text, ...open } = file;
  const sealed = Buffer.from(text, 'base64');
  const key = await keyOf(passphrase, Buffer.from(file.kdf.salt, 'base64'));
  try {
    const options = { authTagLength: TAG_BYTES };
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(file.nonce, 'base64'), options);
    decipher.setAAD(boundBytes(open)).setAuthTag(sealed.subarray(-TAG_BYTES));
    const clear = Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    const share = Uint8Array.from(clear);
    clear.fill(0);
    return accepted(share);
  } catch {
    const { custodian } = file;
    const detail = `The share of ${custodian} does not open: the passphrase is another, or the file was changed.`;
    return refused('backup.share-broken', detail, { custodian });
  } finally {
    key.fill(0);
  }
}

const boundBytes = (open: Omit<ShareFile, 'sealed'>): Buffer =>
  Buffer.from(`bulkhead/custodian-share\n${canonicalJson(open)}`, 'utf8');

const derive = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt);
const keyOf = (passphrase: Uint8Array, salt: Uint8Array): Promise<Buffer> =>
  derive(passphrase, salt, KEY_BYTES, { ...SCRYPT, maxmem: SCRYPT_MEMORY_BYTES });
