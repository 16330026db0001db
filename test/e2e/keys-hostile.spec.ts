import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { openKeyStore, type KeyStore, type KeyStoreEvent } from '@bulkhead/keys';
import { softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(60_000);

const digest = createHash('sha256').update('a digest').digest();
const support = (file: string): string => join(import.meta.dirname, '..', 'support', file);

/** What the binding calls CKR_ACTION_PROHIBITED (PKCS#11 v2.40), which it does not know by name. */
const PROHIBITED = 'CKR_VENDOR_DEFINED';

describe('a key in the token', () => {
  let token: SofthsmFolder;
  let store: KeyStore;
  let outcomes: Record<string, string>;
  beforeAll(async () => {
    token = await softhsmToken('extraction');
    const before = await openKeyStore(token);
    orThrow(await before.generateKey('alpha/target'));
    await before.close();
    const attack = [support('extract-key.mjs'), token.profile.libraries[0]!, token.pinFile, 'alpha/target'];
    outcomes = JSON.parse(
      execFileSync(process.execPath, attack, { env: token.env, encoding: 'utf8' }),
    ) as typeof outcomes;
    store = await openKeyStore(token);
  });
  afterAll(async () => {
    await store.close();
    token.remove();
  });

  it.each([
    ['read the value', 'CKR_ATTRIBUTE_SENSITIVE'],
    ['make it extractable', PROHIBITED],
    ['make it not sensitive', PROHIBITED],
    ['copy it as extractable', 'CKR_ATTRIBUTE_READ_ONLY'],
    ['copy it as not sensitive', 'CKR_ATTRIBUTE_READ_ONLY'],
    ['wrap it (AES key wrap)', 'CKR_KEY_UNEXTRACTABLE'],
    ['wrap it (AES-CBC)', 'CKR_KEY_UNEXTRACTABLE'],
    ['decrypt with it', expect.stringMatching(/^CKR_/)],
    ['agree on a secret with it (ECDH)', expect.stringMatching(/^CKR_/)],
    ['let it agree on secrets', PROHIBITED],
    ['let it decrypt', PROHIBITED],
    ['let it unwrap', PROHIBITED],
    ['make it modifiable', PROHIBITED],
    ['give it another name', PROHIBITED],
    ['copy it as one that agrees on secrets', 'CKR_ATTRIBUTE_READ_ONLY'],
  ])('does not come out even with the PIN: %s', (attempt, ckr) => {
    expect(outcomes[attempt]).toEqual(ckr);
  });

  it('that somebody else planted, and could read out, is not used under any name', async () => {
    const wrong = expect.stringMatching(/sensitive, extractable, alwaysSensitive, neverExtractable/);
    const refusal = { ok: false, refusal: { code: 'keys.attributes-wrong', facts: { keyId: 'planted', wrong } } };
    expect(await store.publicKey('planted')).toMatchObject(refusal);
    expect(await store.generateKey('planted')).toMatchObject(refusal);
    expect(await store.signDigest('planted', digest)).toMatchObject(refusal);
    expect(orThrow(await store.listKeys())).toContain('planted');
  });

  it('that was made before keys were unmodifiable is used as before, until somebody has given it another use', async () => {
    expect(orThrow(await store.signDigest('older', digest))).toHaveLength(64);
    const refusal = { ok: false, refusal: { code: 'keys.attributes-wrong', facts: { wrong: 'derive' } } };
    expect(await store.signDigest('older-loosened', digest)).toMatchObject(refusal);
  });
});

describe('half a key, which a run that was cut short has left in the token', () => {
  it('does not keep a key of that name from being made', async () => {
    const token = await softhsmToken('half-a-key');
    const before = await openKeyStore(token);
    const lost = orThrow(await before.generateKey('alpha/half'));
    await before.close();
    // the private key's file is the longer one
    const files = readdirSync(token.tokens, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.object'))
      .map((name) => join(token.tokens, name));
    rmSync(files.reduce((longest, file) => (statSync(file).size > statSync(longest).size ? file : longest)));
    const store = await openKeyStore(token);
    expect(await store.publicKey('alpha/half')).toMatchObject({ refusal: { code: 'keys.not-found' } });
    const made = orThrow(await store.generateKey('alpha/half'));
    expect(made.publicKey).not.toBe(lost.publicKey);
    expect(orThrow(await store.signDigest('alpha/half', digest))).toHaveLength(64);
    await store.close();
    token.remove();
  });
});

describe('a token that fails while it is in use', () => {
  it('is opened anew until it is back, and the error is named', async () => {
    const token = await softhsmToken('vanishing');
    const events: KeyStoreEvent[] = [];
    const store = await openKeyStore({ ...token, onEvent: (event) => events.push(event) });
    orThrow(await store.generateKey('alpha/kept'));
    renameSync(token.tokens, `${token.tokens}.gone`);
    expect(await store.generateKey('alpha/lost')).toMatchObject({ ok: false, refusal: { code: 'keys.unavailable' } });
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'host-down', detail: expect.stringMatching(/^generateKey: CKR_/) }),
    );
    renameSync(`${token.tokens}.gone`, token.tokens);
    const deadline = Date.now() + 15_000;
    while (store.health().state !== 'ready' && Date.now() < deadline) await new Promise((done) => setTimeout(done, 50));
    orThrow(await store.signDigest('alpha/kept', digest));
    await store.close();
    token.remove();
  });
});

describe('a module host that lies', () => {
  let token: SofthsmFolder;
  let store: KeyStore;
  const events: KeyStoreEvent[] = [];
  beforeAll(async () => {
    token = await softhsmToken('fake');
    store = await openKeyStore({
      ...token,
      hostEntry: support('fake-module-host.mjs'),
      onEvent: (event) => events.push(event),
    });
  });
  afterAll(async () => {
    await store.close();
    token.remove();
  });

  it('is believed when it tells the truth', async () => {
    expect(orThrow(await store.signDigest('honest', digest))).toHaveLength(64);
  });

  it.each(['other-digest', 'other-key', 'high-s'])('gets no signature out: %s', async (keyId) => {
    expect(await store.signDigest(keyId, digest)).toMatchObject({
      ok: false,
      refusal: { code: 'keys.signature-invalid' },
    });
    expect(events).toContainEqual({ event: 'signature-withheld', keyId });
  });

  it('gets no signature out that is not 64 bytes', async () => {
    expect(await store.signDigest('too-short', digest)).toMatchObject({
      ok: false,
      refusal: { code: 'keys.unavailable' },
    });
  });

  it('cannot put another key in the place of one, nor answer for another', async () => {
    orThrow(await store.publicKey('changes'));
    for (const keyId of ['changes', 'renamed'])
      expect(await store.publicKey(keyId)).toMatchObject({ ok: false, refusal: { code: 'keys.attributes-wrong' } });
  });

  it('cannot name what is no point of the curve as a key', async () => {
    const refusal = { ok: false, refusal: { code: 'keys.attributes-wrong' } };
    expect(await store.publicKey('off-curve')).toMatchObject(refusal);
    expect(await store.signDigest('off-curve', digest)).toMatchObject(refusal);
  });

  it.each(['dies', 'babbles'])('takes no more than two hosts down with one request: %s', async (keyId) => {
    const down = () => events.filter(({ event }) => event === 'host-down').length;
    const before = down();
    const refusal = await store.signDigest(keyId, digest);
    expect(refusal).toMatchObject({ ok: false, refusal: { code: 'keys.unavailable' } });
    expect(down() - before).toBe(2);
    orThrow(await store.signDigest('honest', digest));
  });
});
