import { createHash } from 'node:crypto';
import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { openKeyStore, verifyLowS, type KeyStore, type TokenRecord } from '@bulkhead/keys';
import { eventually } from '../support/eventually.js';
import { codeOf } from '../support/outcome.js';
import { CKR, shimmedToken } from '../support/pkcs11-shim.js';
import { softhsmToken } from '../support/softhsm.js';

jest.setTimeout(60_000);

const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest();
const record = (holder: string, generation = 1): TokenRecord => ({
  ...{ epoch: 1, generation, holder: holder.repeat(32), value: 'head' },
});

describe('two module hosts on one token', () => {
  it('both see one key, and only one of them moves the record: a second signer is found out', async () => {
    const token = await softhsmToken('two-hosts');
    const first = await openKeyStore(token);
    const second = await openKeyStore(token);
    const { publicKey } = orThrow(await first.generateKey('alpha/shared'));
    // the second one's module read the token before that key was made; its host may have to be opened anew
    if (!(await second.publicKey('alpha/shared')).ok) process.kill(second.health().hostPid!, 'SIGKILL');
    expect(orThrow(await second.publicKey('alpha/shared')).publicKey).toBe(publicKey);
    for (const store of [first, second]) {
      const signature = orThrow(await store.signDigest('alpha/shared', digest('both')));
      expect(verifyLowS(digest('both'), Buffer.from(publicKey, 'hex'), signature)).toBe(true);
    }
    // how they race is tried in token-record.spec.ts: here each has its turn
    expect(codeOf(await first.advanceRecord(null, record('a'), 200))).toBe('accepted');
    expect(codeOf(await second.advanceRecord(null, record('b'), 200))).toBe('keys.record-moved');
    expect(codeOf(await second.advanceRecord(record('a'), record('b', 2), 200))).toBe('accepted');
    expect(codeOf(await first.advanceRecord(record('a'), record('a', 3)))).toBe('keys.record-moved');
    expect(orThrow(await first.readRecord())).toEqual(record('b', 2));
    await Promise.all([first.close(), second.close()]);
    token.remove();
  });

  it('both make a key of one name: the one that was announced stays, whole', async () => {
    const token = await shimmedToken('one-name');
    const slow = await openKeyStore({ ...token, requestTimeoutMs: 20_000 });
    token.inflict('C_GenerateKeyPair hold');
    const late = slow.generateKey('alpha/one');
    await eventually('the slow one to be about to make it', token.isHeld);
    const quick = await openKeyStore({ ...token, ...token.unshimmed });
    const { publicKey } = orThrow(await quick.generateKey('alpha/one'));
    token.heal();
    expect(codeOf(await late)).toMatch(/^keys\.(attributes-wrong|not-kept)$/);
    await quick.close();
    await slow.close();

    const again = await openKeyStore({ ...token, ...token.unshimmed });
    expect(orThrow(await again.publicKey('alpha/one')).publicKey).toBe(publicKey);
    const signature = orThrow(await again.signDigest('alpha/one', digest('whole')));
    expect(verifyLowS(digest('whole'), Buffer.from(publicKey, 'hex'), signature)).toBe(true);
    await again.close();
    token.remove();
  });
});

describe('several tokens side by side', () => {
  const stores: KeyStore[] = [];
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });

  it('do not wait for the slow one, nor for the one that fails', async () => {
    const [quick, slow, broken] = await Promise.all([
      softhsmToken('quick'),
      shimmedToken('slow'),
      shimmedToken('broken'),
    ]);
    for (const token of [quick, slow, broken]) {
      const store = await openKeyStore({ ...token, requestTimeoutMs: 20_000 });
      orThrow(await store.generateKey('alpha/one'));
      orThrow(await store.signDigest('alpha/one', digest('warm')));
      stores.push(store);
    }
    const [quickStore, slowStore, brokenStore] = stores;
    slow.inflict('C_Sign hang 400');
    broken.inflict(`C_Sign error ${CKR.DEVICE_ERROR}`);
    const slowAnswers = Array.from({ length: 10 }, (_, index) =>
      slowStore!.signDigest('alpha/one', digest(`${index}`)),
    );
    const brokenAnswer = brokenStore!.signDigest('alpha/one', digest('broken'));
    const startedMs = performance.now();
    for (let count = 0; count < 50; count += 1) orThrow(await quickStore!.signDigest('alpha/one', digest(`q${count}`)));
    const quickMs = performance.now() - startedMs;
    // fifty of the quick one, while the slow one has not made its ten in 4 s
    expect(quickMs).toBeLessThan(3_000);
    expect(slowStore!.metrics().signatures.made).toBeLessThan(10);
    expect(await brokenAnswer).toMatchObject({ ok: false, refusal: { code: 'keys.unavailable' } });
    slow.heal();
    for (const answer of await Promise.all(slowAnswers)) expect(answer.ok).toBe(true);
    const usualMs = (store: KeyStore | undefined) => store!.metrics().signatures.latencyMs!.p50;
    expect(usualMs(quickStore)).toBeLessThan(usualMs(slowStore));
    for (const token of [quick, slow, broken]) token.remove();
  });

  it('say each for itself what they have done', async () => {
    const token = await softhsmToken('counted');
    const store = await openKeyStore({ ...token, maxQueue: 4, workers: 2 });
    stores.push(store);
    orThrow(await store.generateKey('alpha/counted'));
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) => store.signDigest('alpha/counted', digest(`${index}`))),
    );
    expect(answers.map((answer) => (answer.ok ? 'signed' : answer.refusal.code))).toEqual([
      ...Array.from({ length: 4 }, () => 'signed'),
      ...['keys.busy', 'keys.busy'],
    ]);
    expect(store.metrics()).toMatchObject({
      requests: { answered: 5, refused: 2, turnedAway: 2, timedOut: 0 },
      signatures: { made: 4, latencyMs: { p50: expect.any(Number) } },
      queue: { waiting: 0, underWay: 0, room: 4 },
      host: { state: 'ready', restarts: 0 },
    });
    token.remove();
  });
});
