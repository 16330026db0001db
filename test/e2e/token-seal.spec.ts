import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { openKeyStore, type KeyStore } from '@bulkhead/keys';
import { codeOf } from '../support/outcome.js';
import { softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(60_000);

describe('a sealing key in the token', () => {
  let token: SofthsmFolder;
  let store: KeyStore;
  const aad = Buffer.from('{"group":"alpha-tap","member":"signer-a","epoch":0}');
  beforeAll(async () => {
    token = await softhsmToken('seal');
    store = await openKeyStore(token);
    orThrow(await store.generateSealKey('frost/alpha-tap/0'));
  });
  afterAll(async () => {
    await store.close();
    token.remove();
  });

  it('gives back what it sealed, also to another process, and never twice the same bytes', async () => {
    const secret = randomBytes(32);
    const sealed = orThrow(await store.seal('frost/alpha-tap/0', aad, secret));
    const again = orThrow(await store.seal('frost/alpha-tap/0', aad, secret));
    expect(sealed).toHaveLength(12 + 32 + 16);
    expect(Buffer.from(sealed).equals(Buffer.from(again))).toBe(false);
    expect(Buffer.from(sealed).includes(secret)).toBe(false);
    await store.close();
    store = await openKeyStore(token);
    orThrow(await store.generateSealKey('frost/alpha-tap/0'));
    expect(Buffer.from(orThrow(await store.unseal('frost/alpha-tap/0', aad, sealed))).equals(secret)).toBe(true);
  });

  it('does not unseal what was changed, for something else, or by another key', async () => {
    const sealed = orThrow(await store.seal('frost/alpha-tap/0', aad, randomBytes(32)));
    for (let bit = 0; bit < sealed.length * 8; bit += 37) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(codeOf(await store.unseal('frost/alpha-tap/0', aad, changed))).toBe('keys.seal-broken');
    }
    const other = Buffer.from(aad.toString().replace('signer-a', 'signer-b'));
    expect(codeOf(await store.unseal('frost/alpha-tap/0', other, sealed))).toBe('keys.seal-broken');
    expect(codeOf(await store.unseal('frost/alpha-tap/0', aad, sealed.subarray(0, 20)))).toBe('keys.seal-broken');
    orThrow(await store.generateSealKey('frost/beta-tap/0'));
    expect(codeOf(await store.unseal('frost/beta-tap/0', aad, sealed))).toBe('keys.seal-broken');
    expect(store.health().state).toBe('ready');
    expect(codeOf(await store.unseal('frost/alpha-tap/0', aad, sealed))).toBe('accepted');
  });

  it('cannot be made to do anything else, also with the PIN', async () => {
    await store.close();
    const script = join(import.meta.dirname, '..', 'support', 'backup-attacks.mjs');
    const args = [script, token.profile.libraries[0] ?? '', token.pinFile, 'unseal', 'frost/alpha-tap/0'];
    const outcomes = JSON.parse(execFileSync(process.execPath, args, { env: token.env, encoding: 'utf8' })) as unknown;
    // what the binding calls CKR_ACTION_PROHIBITED (PKCS#11 v2.40), which it does not know by name
    const prohibited = 'CKR_VENDOR_DEFINED';
    expect(outcomes).toEqual({ wrap: prohibited, unwrap: prohibited, sign: prohibited, derive: prohibited });
    store = await openKeyStore(token);
  });

  it('takes all that it sealed with it when it is destroyed', async () => {
    orThrow(await store.generateSealKey('frost/alpha-tap/1'));
    const sealed = orThrow(await store.seal('frost/alpha-tap/1', aad, randomBytes(32)));
    orThrow(await store.destroySealKey('frost/alpha-tap/1'));
    expect(codeOf(await store.unseal('frost/alpha-tap/1', aad, sealed))).toBe('keys.not-found');
    orThrow(await store.generateSealKey('frost/alpha-tap/1'));
    expect(codeOf(await store.unseal('frost/alpha-tap/1', aad, sealed))).toBe('keys.seal-broken');
    expect(codeOf(await store.destroySealKey('never-there'))).toBe('accepted');
  });

  it('keeps what it sealed beside it, for whoever has the token, as long as it is there', async () => {
    orThrow(await store.generateSealKey('frost/alpha-tap/2'));
    const [one, two] = [randomBytes(700), randomBytes(2_000)];
    for (const bytes of [one, two, one]) orThrow(await store.keepSealed('frost/alpha-tap/2', bytes));
    await store.close();
    store = await openKeyStore(token);
    const kept = orThrow(await store.listSealed());
    expect(kept.map(({ keyId }) => keyId)).toEqual(['frost/alpha-tap/2', 'frost/alpha-tap/2']);
    expect(new Set(kept.map(({ bytes }) => Buffer.from(bytes).toString('hex')))).toEqual(
      new Set([one.toString('hex'), two.toString('hex')]),
    );
    expect(codeOf(await store.keepSealed('frost/never-there/0', one))).toBe('keys.not-found');
    orThrow(await store.destroySealKey('frost/alpha-tap/2'));
    expect(orThrow(await store.listSealed())).toEqual([]);
  });
});
