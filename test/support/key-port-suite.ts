import { createHash, randomBytes } from 'node:crypto';
import { orThrow } from '@bulkhead/intent';
import { type KeyPort } from '@bulkhead/keys';

/** A kind of key custody that the suite drives. What is slow (a key generation by several parties) is done once. */
export interface KeyBackend {
  /** Opens the port on the same keys each time: what was made before is there. */
  open: () => Promise<KeyPort>;
  /** Kills, without a word, the process that holds keys for this port; a backend without one reopens nothing. */
  crash: (port: KeyPort) => Promise<void>;
  /** By an implementation that is not the one under test. It must be false for a signature that networks refuse. */
  isSignedBy: (publicKey: string, digest: Uint8Array, signature: Uint8Array) => boolean;
  remove: () => Promise<void>;
  /** How many signatures the suite asks for at once (default 40). */
  atOnce?: number;
}

const digestOf = (text: string): Uint8Array => createHash('sha256').update(text).digest();

/** What every backend of the key port must do; call it inside a spec file. */
export function keyPortSuite(name: string, prepare: () => Promise<KeyBackend>): void {
  describe(`the key port, held by ${name}`, () => {
    let backend: KeyBackend;
    let port: KeyPort;
    let publicKey: string;
    const KEY = 'suite/first';
    const signs = async (text: string): Promise<boolean> =>
      backend.isSignedBy(publicKey, digestOf(text), orThrow(await port.signDigest(KEY, digestOf(text))));

    beforeAll(async () => {
      backend = await prepare();
      port = await backend.open();
      publicKey = orThrow(await port.generateKey(KEY)).publicKey;
    });
    afterAll(async () => {
      await port.close();
      await backend.remove();
    });

    it('makes a key once: asked again, also all at once, it gives the same', async () => {
      const asked = await Promise.all([1, 2, 3].map(() => port.generateKey(KEY)));
      expect(asked.map((key) => orThrow(key).publicKey)).toEqual([publicKey, publicKey, publicKey]);
    });

    it('finds a key by its id', async () => {
      expect(orThrow(await port.publicKey(KEY))).toMatchObject({ keyId: KEY, publicKey });
    });

    it('says that it has no such key', async () => {
      for (const answer of [port.publicKey('suite/nobody'), port.signDigest('suite/nobody', digestOf('x'))])
        expect(await answer).toMatchObject({ ok: false, refusal: { code: 'keys.not-found' } });
    });

    it('signs 32 bytes, and an independent implementation agrees', async () => {
      expect(await signs('a digest')).toBe(true);
    });

    it.each([0, 1, 31, 33, 64])('signs nothing that is %i bytes long', async (length) => {
      const answer = await port.signDigest(KEY, new Uint8Array(randomBytes(length)));
      expect(answer).toMatchObject({ ok: false, refusal: { code: 'request.malformed' } });
    });

    it.each(['', 'Upper', 'with space', '../up', 'a'.repeat(129)])('takes no key id %j', async (keyId) => {
      for (const answer of [port.generateKey(keyId), port.publicKey(keyId), port.signDigest(keyId, digestOf('x'))])
        expect(await answer).toMatchObject({ ok: false, refusal: { code: 'request.malformed' } });
    });

    it('answers each of many requests at once with the signature of its own digest', async () => {
      const digests = Array.from({ length: backend.atOnce ?? 40 }, (_, index) => digestOf(`at once ${index}`));
      const signatures = await Promise.all(digests.map((digest) => port.signDigest(KEY, digest)));
      for (const [index, signature] of signatures.entries())
        expect(backend.isSignedBy(publicKey, digests[index]!, orThrow(signature))).toBe(true);
    });

    it('is not misled by a caller that changes the digest after asking', async () => {
      const digest = digestOf('changed');
      const asked = port.signDigest(KEY, digest);
      digest.fill(0);
      expect(backend.isSignedBy(publicKey, digestOf('changed'), orThrow(await asked))).toBe(true);
    });

    it('goes on with the same key after what holds it was killed', async () => {
      await backend.crash(port);
      expect(await signs('after a crash')).toBe(true);
    });

    it('has the same key after it was closed and opened again', async () => {
      await port.close();
      port = await backend.open();
      expect(orThrow(await port.publicKey(KEY)).publicKey).toBe(publicKey);
      expect(await signs('opened again')).toBe(true);
    });
  });
}
