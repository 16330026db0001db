import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { openKeyStore, verifyLowS, type KeyStore } from '@bulkhead/keys';
import { softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(120_000);

const OBJECTS = 10_000;
const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest();

describe('a token with 10,000 objects', () => {
  let token: SofthsmFolder;
  let store: KeyStore;
  let publicKey: Buffer;
  const medianMs = async (): Promise<number> => {
    const times: number[] = [];
    for (let count = 0; count < 41; count += 1) {
      const startedMs = performance.now();
      const signature = orThrow(await store.signDigest('alpha/wanted', digest(`crowded ${count}`)));
      times.push(performance.now() - startedMs);
      expect(verifyLowS(digest(`crowded ${count}`), publicKey, signature)).toBe(true);
    }
    return times.sort((a, b) => a - b)[20] ?? Infinity;
  };

  /** What one search of the token takes on this machine now: the record is looked for each time it is read. */
  const searchMs = async (): Promise<number> => {
    const startedMs = performance.now();
    orThrow(await store.readRecord());
    return performance.now() - startedMs;
  };

  beforeAll(async () => {
    token = await softhsmToken('crowded');
    const before = await openKeyStore(token);
    for (const name of ['filler/a', 'filler/b']) orThrow(await before.generateKey(name));
    await before.close();
    const [folder = ''] = readdirSync(token.tokens);
    const copy = join(import.meta.dirname, '..', 'support', 'copy-objects.mjs');
    const made = execFileSync(process.execPath, [copy, join(token.tokens, folder), String(OBJECTS)], {
      encoding: 'utf8',
    });
    expect(Number(made)).toBe(OBJECTS);
    store = await openKeyStore({ ...token, startTimeoutMs: 60_000, requestTimeoutMs: 30_000 });
    publicKey = Buffer.from(orThrow(await store.generateKey('alpha/wanted')).publicKey, 'hex');
  });
  afterAll(async () => {
    await store.close();
    token.remove();
  });

  it('signs as fast as an empty one: no key is searched for twice', async () => {
    const crowded = await medianMs();
    // a search of 10,000 objects takes 200 ms and more; with its verification a signature takes about two
    expect(crowded).toBeLessThan((await searchMs()) / 3);
  });

  it('does so from the first signature after a restart: handles are read once, at the start', async () => {
    const before = store.health().hostPid!;
    process.kill(before, 'SIGKILL');
    orThrow(await store.tokenInfo());
    const startedMs = performance.now();
    orThrow(await store.signDigest('alpha/wanted', digest('after the restart')));
    const signedMs = performance.now() - startedMs;
    expect(signedMs).toBeLessThan(await searchMs());
    expect(store.health().hostPid).not.toBe(before);
  });

  it('takes no key that is there a thousand times', async () => {
    const refusal = await store.signDigest('filler/a', digest('which one?'));
    expect(refusal).toMatchObject({ refusal: { code: 'keys.attributes-wrong', facts: { keyId: 'filler/a' } } });
  });
});
