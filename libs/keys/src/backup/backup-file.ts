import { randomBytes } from 'node:crypto';
import { accepted, instantSchema, refused, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import {
  tokenInfoSchema,
  wrappedKeySchema,
  wrappingCheckSchema,
  wrappingKeyIdSchema,
  type WrappedKey,
} from '../host/protocol.js';
import { type KeyStore } from '../key-store.js';
import { DIGEST_BYTES } from '../signature.js';

const MOST_KEYS = 100_000;

/** The keys of one token, each wrapped and bound to its record. Nothing in it is secret without the wrapping key. */
export const keyBackupSchema = z.strictObject({
  v: z.literal(1),
  format: z.literal('bulkhead-key-backup'),
  madeAt: instantSchema,
  /** The token that the keys were in. */
  token: tokenInfoSchema,
  wrappingKey: wrappingKeyIdSchema,
  check: wrappingCheckSchema,
  keys: z.array(wrappedKeySchema).max(MOST_KEYS),
  /** What stays in the token: keys that were made never to leave it or may not be used, sealing keys and their shares. */
  left: z.array(z.strictObject({ keyId: z.string(), reason: z.string() })).max(MOST_KEYS),
});
export type KeyBackupFile = z.infer<typeof keyBackupSchema>;

/** Tells of each key as it is done. */
export type Progress = (done: number, of: number, keyId: string, what: string) => void;

/**
 * Every key of a token that may leave it, wrapped. What stays is named in `left`; a token that fails is a refusal of the
 * whole.
 */
export async function backUpKeys(
  store: KeyStore,
  wrappingKey: string,
  madeAt: string,
  tell: Progress,
): Promise<Result<KeyBackupFile>> {
  const check = await store.wrappingKeyCheck(wrappingKey);
  if (!check.ok) return check;
  const token = await store.tokenInfo();
  if (!token.ok) return token;
  const found = await store.listKeys();
  if (!found.ok) return found;
  const stays = await neverLeaving(store, wrappingKey, found.value);
  if (!stays.ok) return stays;
  const keys: WrappedKey[] = [];
  const left: KeyBackupFile['left'] = [...stays.value];
  for (const [place, keyId] of [...found.value].sort().entries()) {
    const wrapped = await store.wrapKey(keyId, wrappingKey);
    if (wrapped.ok) keys.push(wrapped.value);
    else if (isOfKey(wrapped.refusal.code)) left.push({ keyId, reason: wrapped.refusal.detail });
    else return wrapped;
    tell(place + 1, found.value.length, keyId, wrapped.ok ? 'wrapped' : 'stays');
  }
  const common = { v: 1, format: 'bulkhead-key-backup', madeAt, wrappingKey } as const;
  return accepted({ ...common, token: token.value, check: check.value, keys, left });
}

/**
 * What is no key that could be wrapped: keys that seal, which never leave, with the shares of MPC wallets that lie beside
 * them, and what something else has put there. Not the wrapping key itself: custodians have its secret.
 */
async function neverLeaving(
  store: KeyStore,
  wrappingKey: string,
  keyIds: readonly string[],
): Promise<Result<KeyBackupFile['left']>> {
  const objects = await store.listObjects();
  if (!objects.ok) return objects;
  const sealed = await store.listSealed();
  if (!sealed.ok) return sealed;
  const others = objects.value
    .filter(({ kind, label }) => (kind === 'secret' ? label !== wrappingKey : !keyIds.includes(label)))
    .map(({ kind, label }) => ({
      keyId: label,
      reason: kind === 'secret' ? 'A sealing key never leaves its token.' : 'It is no key of an elliptic curve.',
    }));
  const shares = sealed.value.map(({ keyId }) => ({
    keyId,
    reason: 'A share of an MPC wallet is of use in this token only: a member that loses it gets another by resharing.',
  }));
  return accepted([...others, ...shares]);
}

/** What is wrong with one key is not wrong with the token. */
const isOfKey = (code: string): boolean => code === 'keys.attributes-wrong' || code === 'request.malformed';

/**
 * Takes every key of a backup into a token that has its wrapping key; a key that is there already is found again, so an
 * interrupted run is taken up by another. Each must then be proven by {@link proveRestored}.
 *
 * @returns how many keys came in now
 */
export async function restoreKeys(store: KeyStore, backup: KeyBackupFile, tell: Progress): Promise<Result<number>> {
  const check = await store.wrappingKeyCheck(backup.wrappingKey);
  if (!check.ok) return check;
  if (check.value !== backup.check)
    return refused('backup.wrapping-key-differs', 'The token’s wrapping key is not the one of this backup.', {
      wrappingKey: backup.wrappingKey,
      token: check.value,
      backup: backup.check,
    });
  let restored = 0;
  for (const [place, blob] of backup.keys.entries()) {
    const { keyId } = blob.record;
    const before = await store.publicKey(keyId);
    if (!before.ok && before.refusal.code !== 'keys.not-found') return before;
    const key = await store.unwrapKey(blob);
    if (!key.ok) return key;
    if (!before.ok) restored += 1;
    tell(place + 1, backup.keys.length, keyId, before.ok ? 'was there' : 'restored');
  }
  return accepted(restored);
}

/** Has every key of the backup sign a random digest, for the public key that the backup names. */
export async function proveRestored(store: KeyStore, backup: KeyBackupFile, tell: Progress): Promise<Result<true>> {
  for (const [place, { record }] of backup.keys.entries()) {
    const key = await store.publicKey(record.keyId);
    if (!key.ok) return key;
    if (key.value.publicKey !== record.publicKey)
      return refused('keys.attributes-wrong', `The token has another key ${record.keyId} than the backup.`, {
        keyId: record.keyId,
        found: key.value.publicKey,
        wanted: record.publicKey,
      });
    const signature = await store.signDigest(record.keyId, randomBytes(DIGEST_BYTES));
    if (!signature.ok) return signature;
    tell(place + 1, backup.keys.length, record.keyId, 'signs');
  }
  return accepted(true);
}
