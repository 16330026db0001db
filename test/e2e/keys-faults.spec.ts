import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { orThrow } from '@bulkhead/intent';
import { openKeyStore, verifyLowS, type KeyStore, type KeyStoreEvent, type KeyStoreOptions } from '@bulkhead/keys';
import { eventually } from '../support/eventually.js';
import { CKA_MODIFIABLE, CKR, shimmedToken, type Fault, type ShimmedToken } from '../support/pkcs11-shim.js';

jest.setTimeout(60_000);

const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest();
const KEY = 'alpha/faults';
/** Where a request must be answered after all: a new host takes its time to start on a busy machine. */
const PATIENT_MS = 30_000;

describe('a PKCS#11 module at fault', () => {
  let token: ShimmedToken;
  let store: KeyStore;
  let publicKey: Buffer;
  let events: KeyStoreEvent[];
  const open = async (more: Partial<KeyStoreOptions> = {}): Promise<KeyStore> => {
    events = [];
    return openKeyStore({ ...token, onEvent: (event) => events.push(event), ...more });
  };
  const signs = async (text: string): Promise<boolean> =>
    verifyLowS(digest(text), publicKey, orThrow(await store.signDigest(KEY, digest(text))));
  const refusal = async (): Promise<string> => {
    const answer = await store.signDigest(KEY, digest('at fault'));
    return answer.ok ? 'signed' : answer.refusal.code;
  };

  beforeAll(async () => {
    token = await shimmedToken('faults');
  });
  beforeEach(async () => {
    store = await open({ requestTimeoutMs: PATIENT_MS });
    publicKey = Buffer.from(orThrow(await store.generateKey(KEY)).publicKey, 'hex');
  });
  afterEach(async () => {
    token.heal();
    await store.close();
  });
  afterAll(() => {
    token.remove();
  });

  const transient: readonly (readonly [string, Fault, RegExp])[] = [
    ['closes the session under us', 'C_SignInit close', /CKR_SESSION_HANDLE_INVALID/],
    ['is logged out by somebody else', 'C_SignInit logout', /CKR_(OBJECT|KEY)_HANDLE_INVALID|CKR_USER_NOT_LOGGED_IN/],
    ['is initialised anew under us', 'C_SignInit reinitialise', /CKR_SESSION_HANDLE_INVALID|CKR_CRYPTOKI/],
    ['reports a device error', `C_Sign error ${CKR.DEVICE_ERROR}`, /CKR_DEVICE_ERROR/],
    ['reports that the device was taken away', `C_Sign error ${CKR.DEVICE_REMOVED}`, /CKR_DEVICE_REMOVED/],
    ['runs out of memory', `C_SignInit error ${CKR.HOST_MEMORY}`, /CKR_HOST_MEMORY/],
    ['crashes', 'C_Sign crash', /SIGABRT/],
  ];

  it.each(transient)(
    'that %s is opened anew, logged in, and the request is answered after all',
    async (_what, fault, ckr) => {
      const before = store.health().hostPid;
      token.inflict(fault);
      const answer = store.signDigest(KEY, digest('after all'));
      await eventually('the fault to be noticed', () => events.some(({ event }) => event === 'host-down'));
      token.heal();
      expect(verifyLowS(digest('after all'), publicKey, orThrow(await answer))).toBe(true);
      const noticed = events.find((event) => event.event === 'host-down');
      expect(noticed?.event === 'host-down' && noticed.detail).toMatch(ckr);
      expect(store.health().hostPid).not.toBe(before);
      expect(store.metrics().host).toMatchObject({ state: 'ready' });
    },
  );

  it('that flips a bit of a signature gets none out, and is told on', async () => {
    token.inflict('C_Sign flip');
    expect(await refusal()).toBe('keys.signature-invalid');
    expect(events).toContainEqual({ event: 'signature-withheld', keyId: KEY });
    expect(store.metrics().signatures).toMatchObject({ made: 0, withheld: 1 });
    token.heal();
    expect(await signs('unflipped')).toBe(true);
  });

  it('that flips a bit makes no new key: one that does not sign as it says is destroyed', async () => {
    token.inflict('C_Sign flip');
    const made = await store.generateKey('alpha/unproven');
    expect(made).toMatchObject({ ok: false, refusal: { code: 'keys.signature-invalid' } });
    token.heal();
    expect(orThrow(await store.listKeys())).not.toContain('alpha/unproven');
    expect(await store.publicKey('alpha/unproven')).toMatchObject({ refusal: { code: 'keys.not-found' } });
  });

  it('that leaves a new key modifiable, though it was asked not to, keeps none: its uses could be changed', async () => {
    token.inflict(`C_GenerateKeyPair strip ${CKA_MODIFIABLE}`);
    const made = await store.generateKey('alpha/modifiable');
    expect(made).toMatchObject({ refusal: { code: 'keys.attributes-wrong', facts: { wrong: 'modifiable' } } });
    expect(orThrow(await store.listKeys())).not.toContain('alpha/modifiable');
  });

  it('that fails again and again is not hammered: the circuit opens, refuses at once, and closes by itself', async () => {
    token.inflict(`C_Login error ${CKR.DEVICE_ERROR}`);
    process.kill(store.health().hostPid!, 'SIGKILL');
    await eventually('the circuit to open', () => store.health().state === 'circuit-open');
    const startedMs = performance.now();
    expect(await refusal()).toBe('keys.unavailable');
    expect(performance.now() - startedMs).toBeLessThan(100);
    const pauses = events.flatMap((event) => (event.event === 'host-down' ? [event.restartInMs] : []));
    expect(pauses.slice(0, 5)).toEqual([50, 100, 200, 400, 800]);
    token.heal();
    await eventually('the token to be back', () => store.health().state === 'ready');
    expect(await signs('back')).toBe(true);
    expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(['circuit-open', 'circuit-closed']));
  });

  it('that says its PIN is locked is left alone until a person has seen to it', async () => {
    await store.close();
    token.inflict(`C_Login error ${CKR.PIN_LOCKED}`);
    store = await open();
    expect(store.health()).toMatchObject({ state: 'failed', code: 'keys.pin-incorrect' });
    token.heal();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(events.filter(({ event }) => event === 'host-down')).toHaveLength(0);
    expect(await refusal()).toBe('keys.pin-incorrect');
  });

  describe('that does not come to an end with a login', () => {
    const triesFile = (): string => `${token.pinFile}.wrong-tries`;
    beforeEach(() => store.close());
    afterEach(() => {
      rmSync(triesFile(), { force: true });
    });

    it('has the try counted before it is made, and a right PIN takes it back', async () => {
      token.inflict('C_Login hold');
      const opened = open();
      await eventually('the login to be tried', token.isHeld);
      expect(readFileSync(triesFile(), 'utf8')).toBe('1\n');
      token.heal();
      store = await opened;
      await eventually('the token to be open', () => store.health().state === 'ready');
      expect(existsSync(triesFile())).toBe(false);
    });

    it('uses up tries where it is slower than the start time-out, which says so, and none where that is longer', async () => {
      token.inflict('C_Login hang 10000');
      store = await open({ startTimeoutMs: 5_000 });
      await eventually('a start to be cut off', () => events.some(({ event }) => event === 'host-down'));
      expect(events[0]).toMatchObject({ detail: 'the module host was not ready within 5000 ms' });
      expect(readFileSync(triesFile(), 'utf8')).toMatch(/^[12]\n$/);
      await store.close();
      rmSync(triesFile());
      store = await open({ startTimeoutMs: 60_000 });
      expect(store.health().state).toBe('ready');
      expect(existsSync(triesFile())).toBe(false);
    });

    it.each<readonly [string, Fault]>([
      ['a process that is killed inside C_Login', 'C_Login kill'],
      ['an answer that may mean a wrong PIN', `C_Login error ${CKR.FUNCTION_FAILED}`],
    ])('is left alone after three tries: %s', async (_what, fault) => {
      token.inflict(fault);
      store = await open();
      await eventually('no more tries', () => store.health().state === 'failed');
      token.heal();
      expect(store.health()).toMatchObject({ code: 'keys.pin-incorrect' });
      expect(store.health().detail).toContain('3 of 3 tries');
      expect(events.filter(({ event }) => event === 'host-down')).toHaveLength(3);
      expect(readFileSync(triesFile(), 'utf8')).toBe('3\n');
    });
  });

  it('that hangs in C_Sign is given up in time, its process is ended, another one signs', async () => {
    await store.close();
    store = await open({ requestTimeoutMs: 3_000 });
    const before = store.health().hostPid;
    expect(await signs('quick')).toBe(true);
    token.inflict('C_Sign hang 60000');
    expect(await refusal()).toBe('keys.unavailable');
    token.heal();
    await eventually('another host', () => store.health().state === 'ready' && store.health().hostPid !== before);
    expect(await signs('unhung')).toBe(true);
    expect(store.metrics().requests.timedOut).toBe(1);
  });

  it('that hangs in C_Sign is found out although it answers everything else', async () => {
    await store.close();
    store = await open({ requestTimeoutMs: 3_000 });
    const before = store.health().hostPid;
    token.inflict('C_Sign hang 60000');
    expect(await refusal()).toBe('keys.unavailable');
    token.heal();
    await eventually('another host', async () => {
      await store.tokenInfo();
      return store.health().state === 'ready' && store.health().hostPid !== before;
    });
    expect(await signs('unhung')).toBe(true);
  });

  it('that answers after the time-out: the answer is thrown away, the next request gets its own', async () => {
    await store.close();
    store = await open({ requestTimeoutMs: 3_000 });
    expect(await signs('quick')).toBe(true);
    token.inflict('C_Sign hold');
    expect(await refusal()).toBe('keys.unavailable');
    const next = signs('its own'); // under way when the late answer comes
    await eventually('the next request', () => store.metrics().queue.underWay === 1);
    token.heal();
    expect(await next).toBe(true);
    expect(events.filter(({ event }) => event === 'answer-too-late')).toHaveLength(1);
    expect(await signs('another')).toBe(true);
  });

  it('whose host is killed inside C_Sign: the signature is made by the next one', async () => {
    token.inflict('C_Sign hold');
    const answer = store.signDigest(KEY, digest('mid-sign'));
    await eventually('the signing to begin', token.isHeld);
    expect(store.metrics().queue.underWay).toBe(1);
    token.heal();
    process.kill(store.health().hostPid!, 'SIGKILL');
    expect(verifyLowS(digest('mid-sign'), publicKey, orThrow(await answer))).toBe(true);
  });

  it('that hangs in C_Sign while the signer is killed: its host, and so its login, ends all the same', async () => {
    await store.close();
    token.inflict('C_Sign hold');
    const { profile, tokenLabel, pinFile, env } = token;
    const order = JSON.stringify({ profile, tokenLabel, pinFile, env, keyId: KEY });
    const signer = spawn(process.execPath, [join(import.meta.dirname, '..', 'support', 'sign-and-hang.mjs'), order], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [hostPid] = (await once(signer.stdout, 'data')) as [Buffer];
    await eventually('the signing to begin', token.isHeld);
    signer.kill('SIGKILL');
    await eventually('the host to be gone', () => !existsSync(`/proc/${String(hostPid).trim()}`));
    expect(token.isHeld()).toBe(true); // nobody let it go on
  });

  it('that is slow to sign is asked by several threads at once', async () => {
    await store.close();
    store = await open({ workers: 4, requestTimeoutMs: PATIENT_MS });
    const texts = ['first', 'second', 'third', 'fourth'];
    for (const text of texts) expect(await signs(text)).toBe(true); // the key is known, each thread has begun
    const SLOW_MS = 1_000;
    token.inflict(`C_Sign hang ${SLOW_MS}`);
    const startedMs = performance.now();
    expect(await Promise.all(texts.map(signs))).toEqual([true, true, true, true]);
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThanOrEqual(SLOW_MS);
    expect(tookMs).toBeLessThan(3 * SLOW_MS); // one thread takes four times as long
  });

  it('faults in one of several signing threads: the host ends as a whole, and every request is answered', async () => {
    await store.close();
    store = await open({ workers: 3, requestTimeoutMs: PATIENT_MS });
    token.inflict('C_Sign hang 30'); // so that most are still to be signed when the fault comes
    const texts = Array.from({ length: 60 }, (_, index) => `thread ${index}`);
    const answers = texts.map((text) => store.signDigest(KEY, digest(text)));
    await answers[3];
    token.inflict(`C_Sign error ${CKR.DEVICE_ERROR}`);
    await eventually('the fault to be noticed', () => events.some(({ event }) => event === 'host-down'));
    token.heal();
    for (const [index, signature] of (await Promise.all(answers)).entries())
      expect(verifyLowS(digest(texts[index]!), publicKey, orThrow(signature))).toBe(true);
  });
});
