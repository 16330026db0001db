import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { openKeyStore, type KeyStore } from '@bulkhead/keys';
import { codeOf } from '../support/outcome.js';
import { shimmedToken } from '../support/pkcs11-shim.js';
import { softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(60_000);

const digest = Uint8Array.from(Buffer.alloc(32, 7));

describe('destroying a key in a SoftHSM token', () => {
  let token: SofthsmFolder;
  let store: KeyStore;
  beforeAll(async () => {
    token = await softhsmToken('destroying');
    store = await openKeyStore(token);
    for (const id of ['alpha', 'beta']) orThrow(await store.generateKey(id));
    orThrow(await store.generateSealKey('alpha'));
  });
  afterAll(async () => {
    await store.close();
    token.remove();
  });

  it('is refused for a key of another public key than the one that was named', async () => {
    const beta = orThrow(await store.publicKey('beta')).publicKey;
    expect(codeOf(await store.destroyKey('alpha', beta))).toBe('keys.attributes-wrong');
    expect(codeOf(await store.destroyKey('alpha', 'nonsense'))).toBe('request.malformed');
    expect(codeOf(await store.signDigest('alpha', digest))).toBe('accepted');
  });

  it('takes this one key and nothing else, while others sign, also for whoever opens the token anew', async () => {
    const { publicKey } = orThrow(await store.publicKey('alpha'));
    const [destroyed, ...signed] = await Promise.all([
      store.destroyKey('alpha', publicKey),
      ...Array.from({ length: 20 }, () => store.signDigest('beta', digest)),
    ]);
    expect(codeOf(destroyed)).toBe('accepted');
    expect(new Set(signed.map(codeOf))).toEqual(new Set(['accepted']));
    expect(codeOf(await store.signDigest('alpha', digest))).toBe('keys.not-found');
    const another = await openKeyStore(token);
    expect(codeOf(await another.publicKey('alpha'))).toBe('keys.not-found');
    const left = orThrow(await another.listObjects()).map(({ kind, label }) => `${kind} ${label}`);
    expect(left.sort()).toEqual(['private beta', 'secret alpha']);
    await another.close();
  });

  it('can be asked for again, and for a key that never was', async () => {
    const key = `02${'ab'.repeat(32)}`;
    expect(codeOf(await store.destroyKey('alpha', key))).toBe('accepted');
    expect(codeOf(await store.destroyKey('never', key))).toBe('accepted');
  });
});

describe('a module that says it has destroyed a key', () => {
  it('is not believed: the key is looked for in the token opened anew', async () => {
    const token = await shimmedToken('keeps-everything');
    const store = await openKeyStore(token);
    const { publicKey } = orThrow(await store.generateKey('alpha'));
    token.inflict('C_DestroyObject error 0');
    expect(codeOf(await store.destroyKey('alpha', publicKey))).toBe('keys.not-destroyed');
    token.heal();
    expect(codeOf(await store.destroyKey('alpha', publicKey))).toBe('accepted');
    expect(codeOf(await store.publicKey('alpha'))).toBe('keys.not-found');
    await store.close();
    token.remove();
  });

  it('is not believed of a sealing key either: what it sealed could still be opened', async () => {
    const token = await shimmedToken('keeps-seals');
    const store = await openKeyStore(token);
    const aad = Buffer.from('alpha');
    orThrow(await store.generateSealKey('alpha'));
    const sealed = orThrow(await store.seal('alpha', aad, digest));
    token.inflict('C_DestroyObject error 0');
    expect(codeOf(await store.destroySealKey('alpha'))).toBe('keys.not-destroyed');
    expect(codeOf(await store.unseal('alpha', aad, sealed))).toBe('accepted');
    token.heal();
    expect(codeOf(await store.destroySealKey('alpha'))).toBe('accepted');
    expect(codeOf(await store.unseal('alpha', aad, sealed))).toBe('keys.not-found');
    await store.close();
    token.remove();
  });
});
