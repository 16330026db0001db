import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { SigningKey } from 'ethers';
import { orThrow } from '@bulkhead/intent';
import {
  openKeyStore,
  verifyLowS,
  wrappingCheck,
  type KeyRecord,
  type KeyStore,
  type WrappedKey,
} from '@bulkhead/keys';
import { codeOf, factsOf } from '../support/outcome.js';
import { softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(60_000);

const KEY = 'alpha/backed-up';
/** What the binding calls CKR_ACTION_PROHIBITED (PKCS#11 v2.40), which it does not know by name. */
const PROHIBITED = 'CKR_VENDOR_DEFINED';
const digest = createHash('sha256').update('a digest').digest();
const withBackup = (token: SofthsmFolder) => ({
  ...token,
  profile: { ...token.profile, keyBackup: 'wrapped' as const },
});

/** What an attacker with the PIN gets: SoftHSM alone, without Bulkhead. */
function attack(
  token: SofthsmFolder,
  what: 'plant' | 'loose' | 'halve' | 'exchange' | 'older' | 'misuse',
  ...more: string[]
): Record<string, string> {
  const script = join(import.meta.dirname, '..', 'support', 'backup-attacks.mjs');
  const args = [script, token.profile.libraries[0] ?? '', token.pinFile, what, ...more];
  return JSON.parse(execFileSync(process.execPath, args, { env: token.env, encoding: 'utf8' })) as Record<
    string,
    string
  >;
}

/** Whether the private key of that public key is somewhere in the bytes. */
function holdsPrivateKey(clear: string | undefined, publicKey: string): boolean {
  const bytes = Buffer.from(clear ?? '', 'hex');
  return Array.from({ length: Math.max(0, bytes.length - 31) }, (_, place) => bytes.subarray(place, place + 32)).some(
    (candidate) => {
      try {
        return new SigningKey(candidate).compressedPublicKey === `0x${publicKey}`;
      } catch {
        return false; // not below the order of the curve
      }
    },
  );
}

describe('a key that is backed up from token to token', () => {
  let from: SofthsmFolder;
  let to: SofthsmFolder;
  let source: KeyStore;
  let target: KeyStore;
  let made: KeyRecord;
  let blob: WrappedKey;
  const secret = Uint8Array.from(randomBytes(32));

  beforeAll(async () => {
    [from, to] = await Promise.all([softhsmToken('backup-from'), softhsmToken('backup-to')]);
    [source, target] = await Promise.all([openKeyStore(withBackup(from)), openKeyStore(withBackup(to))]);
    for (const store of [source, target]) orThrow(await store.installWrappingKey('backup', secret));
    made = orThrow(await source.generateKey(KEY));
    blob = orThrow(await source.wrapKey(KEY, 'backup'));
  });
  afterAll(async () => {
    await Promise.all([source.close(), target.close()]);
    for (const token of [from, to]) token.remove();
  });

  it('says that it may leave, but never in clear', () => {
    expect(made.attributes).toMatchObject({ sensitive: true, alwaysSensitive: true, extractable: true, local: true });
    expect(holdsPrivateKey(Buffer.from(blob.wrapped, 'base64').toString('hex'), made.publicKey)).toBe(false);
  });

  const flipped = (text: string, place: number): string => {
    const bytes = Buffer.from(text, 'base64');
    bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
    return bytes.toString('base64');
  };
  const stranger = `0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798`;
  it.each<[string, () => WrappedKey]>([
    ['a bit of the wrapped key', () => ({ ...blob, wrapped: flipped(blob.wrapped, 20) })],
    ['a bit of its HMAC', () => ({ ...blob, mac: flipped(blob.mac, 5) })],
    ['its length', () => ({ ...blob, wrapped: blob.wrapped.slice(0, -12) })],
    [
      'its name, so that it would stand for another wallet',
      () => ({ ...blob, record: { ...blob.record, keyId: 'beta' } }),
    ],
    ['its public key', () => ({ ...blob, record: { ...blob.record, publicKey: stranger } })],
    [
      'what it says of itself',
      () => ({ ...blob, record: { ...blob.record, attributes: { ...blob.record.attributes, extractable: false } } }),
    ],
  ])('is not taken back when somebody changed %s', async (_what, change) => {
    expect(codeOf(await target.unwrapKey(change()))).toBe('keys.seal-broken');
    expect(orThrow(await target.listKeys())).toEqual([]);
  });

  it('is not taken by a token with another wrapping key of that name', async () => {
    const other = await softhsmToken('backup-other');
    const store = await openKeyStore(withBackup(other));
    expect(codeOf(await store.unwrapKey(blob))).toBe('keys.not-found');
    orThrow(await store.installWrappingKey('backup', randomBytes(32)));
    expect(codeOf(await store.unwrapKey(blob))).toBe('keys.seal-broken');
    await store.close();
    other.remove();
  });

  it('cannot be asked for with a template: what it becomes is fixed in the module host', async () => {
    const asked = { ...blob, template: { sensitive: false, extractable: true } };
    expect(codeOf(await target.unwrapKey(asked))).toBe('request.malformed');
  });

  it('that somebody unwrapped as one that can be read is not used', async () => {
    const third = await softhsmToken('backup-loose');
    const store = await openKeyStore(withBackup(third));
    orThrow(await store.installWrappingKey('backup', secret));
    await store.close();
    const file = join(third.folder, 'blob.json');
    const uncompressed = SigningKey.computePublicKey(`0x${made.publicKey}`, false).slice(2);
    writeFileSync(file, JSON.stringify({ ...blob, record: { ...blob.record, uncompressed } }));
    // whoever has the PIN and the wrapping key in one token has the key: the module does nothing against it
    expect(holdsPrivateKey(attack(third, 'loose', file).clear, made.publicKey)).toBe(true);
    const again = await openKeyStore(withBackup(third));
    const refusal = await again.signDigest(KEY, digest);
    expect(codeOf(refusal)).toBe('keys.attributes-wrong');
    expect(factsOf(refusal)['wrong']).toContain('sensitive');
    await again.close();
    third.remove();
  });

  it('is the same key in the other token, where it stays from then on', async () => {
    const restored = orThrow(await target.unwrapKey(blob));
    expect(restored.publicKey).toBe(made.publicKey);
    expect(restored.attributes).toMatchObject({ sensitive: true, extractable: false, local: false });
    const signature = orThrow(await target.signDigest(KEY, digest));
    expect(verifyLowS(digest, Buffer.from(made.publicKey, 'hex'), signature)).toBe(true);
    expect(codeOf(await target.wrapKey(KEY, 'backup'))).toBe('keys.attributes-wrong');
    expect(orThrow(await target.unwrapKey(blob))).toEqual(restored);
  });

  it('is not wrapped by a key that could also decrypt, since that gives it away', async () => {
    await source.close();
    expect(holdsPrivateKey(attack(from, 'plant').clear, made.publicKey)).toBe(true);
    source = await openKeyStore(withBackup(from));
    const refusal = await source.wrapKey(KEY, 'backup');
    expect(codeOf(refusal)).toBe('keys.attributes-wrong');
    expect(factsOf(refusal)['wrong']).toMatch(/encrypt, decrypt/);
  });

  it('is refused, wrappable or restored, by a key store that is not set up for it', async () => {
    await target.close();
    for (const token of [from, to]) {
      const strict = await openKeyStore(token);
      expect(codeOf(await strict.signDigest(KEY, digest))).toBe('keys.attributes-wrong');
      await strict.close();
    }
    target = await openKeyStore(withBackup(to));
  });
});

describe('a wrapping key', () => {
  let token: SofthsmFolder;
  let store: KeyStore;
  const secret = Uint8Array.from(randomBytes(32));
  beforeAll(async () => {
    token = await softhsmToken('wrapping-key');
    store = await openKeyStore(withBackup(token));
  });
  afterAll(async () => {
    await store.close();
    token.remove();
  });

  it('is known by a check value, found again when it is installed again, and not exchanged for another', async () => {
    const check = orThrow(await store.installWrappingKey('backup', secret));
    expect(check).toBe(wrappingCheck(secret));
    expect(orThrow(await store.installWrappingKey('backup', secret))).toBe(check);
    expect(orThrow(await store.wrappingKeyCheck('backup'))).toBe(check);
    expect(codeOf(await store.installWrappingKey('backup', randomBytes(32)))).toBe('keys.attributes-wrong');
    expect(codeOf(await store.wrappingKeyCheck('another'))).toBe('keys.not-found');
  });

  it('of which an interruption left only half is made whole', async () => {
    await store.close();
    attack(token, 'halve');
    store = await openKeyStore(withBackup(token));
    expect(codeOf(await store.wrappingKeyCheck('backup'))).toBe('keys.not-found');
    expect(orThrow(await store.installWrappingKey('backup', secret))).toBe(wrappingCheck(secret));
  });

  it('does nothing but wrap, and cannot be made to do more, also with the PIN', async () => {
    await store.close();
    expect(attack(token, 'misuse')).toEqual({
      'let it decrypt': PROHIBITED,
      'decrypt with it': 'CKR_KEY_FUNCTION_NOT_PERMITTED',
      'copy it as one that decrypts': 'CKR_ATTRIBUTE_READ_ONLY',
      'make an AES-CMAC with it': 'CKR_KEY_FUNCTION_NOT_PERMITTED',
      'let the binding key wrap': PROHIBITED,
      'let the binding key be derived from': PROHIBITED,
    });
    store = await openKeyStore(withBackup(token));
    expect(orThrow(await store.wrappingKeyCheck('backup'))).toBe(wrappingCheck(secret));
  });

  it('that an earlier version made, good for more, is not used until it was installed anew', async () => {
    await store.close();
    attack(token, 'older', Buffer.from(secret).toString('hex'));
    store = await openKeyStore(withBackup(token));
    const refusal = await store.wrappingKeyCheck('backup');
    expect(codeOf(refusal)).toBe('keys.attributes-wrong');
    expect(factsOf(refusal)['wrong']).toMatch(/^modifiable, sign, verify, binding modifiable/);
    expect(codeOf(await store.installWrappingKey('backup', randomBytes(32)))).toBe('keys.attributes-wrong');
    expect(orThrow(await store.installWrappingKey('backup', secret))).toBe(wrappingCheck(secret));
    await store.close();
    expect(attack(token, 'misuse')['let it decrypt']).toBe(PROHIBITED);
    store = await openKeyStore(withBackup(token));
  });

  it('that somebody exchanged for one of their own is found out by whoever installs it', async () => {
    await store.close();
    attack(token, 'exchange');
    store = await openKeyStore(withBackup(token));
    expect(codeOf(await store.installWrappingKey('backup', secret))).toBe('keys.attributes-wrong');
  });
});

describe('a key that was made never to leave', () => {
  it('is not wrapped, also not once the token is set up for backups', async () => {
    const token = await softhsmToken('no-backup');
    const strict = await openKeyStore(token);
    orThrow(await strict.generateKey(KEY));
    await strict.close();
    const store = await openKeyStore(withBackup(token));
    orThrow(await store.installWrappingKey('backup', randomBytes(32)));
    expect(codeOf(await store.wrapKey(KEY, 'backup'))).toBe('keys.attributes-wrong');
    expect(orThrow(await store.signDigest(KEY, digest))).toHaveLength(64);
    await store.close();
    token.remove();
  });
});
