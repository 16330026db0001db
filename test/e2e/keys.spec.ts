import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { SigningKey, recoverAddress, computeAddress } from 'ethers';
import { orThrow, type RefusalError } from '@bulkhead/intent';
import { openKeyStore, type KeyStore, type KeyStoreEvent, type KeyStoreOptions } from '@bulkhead/keys';
import { softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(60_000);

const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest();
const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
/** As ethers sees it: the signer of the digest is the owner of the key, and s is canonical (it throws on high s). */
const isSignedBy = (publicKey: string, hash: Uint8Array, signature: Uint8Array): boolean =>
  [27, 28].some((v) => {
    const [r, s] = [hex(signature.slice(0, 32)), hex(signature.slice(32))];
    try {
      return recoverAddress(hex(hash), { r, s, v }) === computeAddress(`0x${publicKey}`);
    } catch {
      return false;
    }
  });
const until = async (condition: () => boolean, what: string): Promise<void> => {
  for (let waited = 0; !condition(); waited += 20) {
    if (waited > 15_000) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

describe('a key store on a SoftHSM token', () => {
  let token: SofthsmFolder;
  let store: KeyStore;
  const events: KeyStoreEvent[] = [];
  const opened: KeyStore[] = [];
  const open = async (more: Partial<KeyStoreOptions> = {}): Promise<KeyStore> => {
    const another = await openKeyStore({ ...token, onEvent: (event) => events.push(event), ...more });
    opened.push(another);
    return another;
  };

  beforeAll(async () => {
    token = await softhsmToken('keys');
    store = await open();
  });
  afterAll(async () => {
    for (const each of opened) await each.close();
    token.remove();
  });

  it('is ready and says which token it has', async () => {
    expect(store.health()).toMatchObject({ state: 'ready' });
    expect(orThrow(await store.tokenInfo())).toMatchObject({
      label: 'keys',
      serial: expect.stringMatching(/^[0-9a-f]+$/),
    });
  });

  it('makes a key that never was and never can be outside the token', async () => {
    const key = orThrow(await store.generateKey('alpha/btc-main/a'));
    expect(key.attributes).toEqual({
      sensitive: true,
      extractable: false,
      alwaysSensitive: true,
      neverExtractable: true,
      local: true,
      sign: true,
      signRecover: false,
      decrypt: false,
      unwrap: false,
      derive: false,
    });
    expect(SigningKey.computePublicKey(`0x${key.publicKey}`, true)).toBe(`0x${key.publicKey}`);
  });

  it('gives the same key when it is asked for again, also all at once', async () => {
    const asked = await Promise.all(Array.from({ length: 5 }, () => store.generateKey('alpha/twice')));
    expect(new Set(asked.map((key) => orThrow(key).publicKey)).size).toBe(1);
    const names = orThrow(await store.listKeys());
    expect(names.filter((name) => name === 'alpha/twice')).toHaveLength(1);
  });

  it('signs 200 digests, each low-S and by the right key in the eyes of ethers', async () => {
    const { publicKey } = orThrow(await store.generateKey('alpha/many'));
    const digests = Array.from({ length: 200 }, () => Uint8Array.from(randomBytes(32)));
    const signatures = await Promise.all(digests.map((hash) => store.signDigest('alpha/many', hash)));
    for (const [index, signature] of signatures.entries())
      expect(isSignedBy(publicKey, digests[index]!, orThrow(signature))).toBe(true);
  });

  it.each([0, 20, 31, 33, 64])('refuses %i bytes for a digest', async (length) => {
    const refusal = await store.signDigest('alpha/many', new Uint8Array(length));
    expect(refusal).toMatchObject({ ok: false, refusal: { code: 'request.malformed' } });
  });

  it.each(['', 'Alpha', 'a b', 'a\n', '-a', 'a'.repeat(129), 'ключ'])('refuses %j for a key id', async (keyId) => {
    for (const answer of [store.generateKey(keyId), store.publicKey(keyId), store.signDigest(keyId, digest('x'))])
      expect(await answer).toMatchObject({ ok: false, refusal: { code: 'request.malformed' } });
  });

  it('says so when the token has no such key', async () => {
    expect(await store.publicKey('nobody')).toMatchObject({ ok: false, refusal: { code: 'keys.not-found' } });
    expect(await store.signDigest('nobody', digest('x'))).toMatchObject({ refusal: { code: 'keys.not-found' } });
  });

  it('shows the PIN neither in the command line nor in the environment of the module host', () => {
    const pid = store.health().hostPid!;
    const pin = readFileSync(token.pinFile, 'utf8');
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
    expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).not.toContain(pin);
    expect(environment).not.toContain(pin);
    const names = environment.split('\0').map((entry) => entry.split('=')[0]);
    const own = names.filter((name) => name !== '' && !name!.startsWith('NODE_CHANNEL_'));
    expect(own.sort()).toEqual(['PATH', 'SOFTHSM2_CONF']);
  });

  it('loads the module in the host only', () => {
    const maps = (pid: number) => readFileSync(`/proc/${pid}/maps`, 'latin1');
    expect(maps(store.health().hostPid!)).toContain('libsofthsm2');
    expect(maps(process.pid)).not.toContain('libsofthsm2');
  });

  it('leaves it to the signer when to end: Ctrl-C, which reaches the whole group, does not end the host', async () => {
    const pid = store.health().hostPid!;
    process.kill(pid, 'SIGINT');
    orThrow(await store.signDigest('alpha/many', digest('after Ctrl-C')));
    expect(store.health().hostPid).toBe(pid);
  });

  it('answers every request although its host is killed in the middle', async () => {
    const before = store.health().hostPid!;
    const { publicKey } = orThrow(await store.publicKey('alpha/many'));
    const digests = Array.from({ length: 60 }, (_, index) => digest(`killed ${index}`));
    const answers = digests.map((hash) => store.signDigest('alpha/many', hash));
    await answers[5];
    process.kill(before, 'SIGKILL');
    for (const [index, signature] of (await Promise.all(answers)).entries())
      expect(isSignedBy(publicKey, digests[index]!, orThrow(signature))).toBe(true);
    expect(store.health()).toMatchObject({ state: 'ready' });
    expect(store.health().hostPid).not.toBe(before);
    expect(events).toContainEqual({ event: 'host-down', detail: expect.stringContaining('SIGKILL'), restartInMs: 50 });
  });

  it('refuses in time while a host hangs, ends that host, and goes on with another', async () => {
    const impatient = await open({ requestTimeoutMs: 3_000 });
    const before = impatient.health().hostPid!;
    orThrow(await impatient.publicKey('alpha/many'));
    process.kill(before, 'SIGSTOP');
    const refusal = await impatient.signDigest('alpha/many', digest('hangs'));
    expect(refusal).toMatchObject({ ok: false, refusal: { code: 'keys.unavailable' } });
    await until(() => impatient.health().state === 'ready' && impatient.health().hostPid !== before, 'another host');
    orThrow(await impatient.signDigest('alpha/many', digest('goes on')));
  });

  it('throws an answer away that comes after its time-out', async () => {
    const impatient = await open({ requestTimeoutMs: 3_000 });
    const pid = impatient.health().hostPid!;
    orThrow(await impatient.publicKey('alpha/many'));
    process.kill(pid, 'SIGSTOP');
    const refusal = await impatient.signDigest('alpha/many', digest('late'));
    expect(refusal).toMatchObject({ ok: false, refusal: { code: 'keys.unavailable' } });
    process.kill(pid, 'SIGCONT');
    await until(() => events.some(({ event }) => event === 'answer-too-late'), 'the late answer');
    orThrow(await impatient.signDigest('alpha/many', digest('in time')));
    expect(impatient.health().hostPid).toBe(pid);
  });

  it('refuses more requests than it may hold', async () => {
    const small = await open({ maxQueue: 3 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => small.tokenInfo()));
    expect(answers.map((answer) => (answer.ok ? 'ok' : answer.refusal.code))).toEqual([
      'ok',
      'ok',
      'ok',
      'keys.busy',
      'keys.busy',
    ]);
  });

  it('refuses everything once it is closed', async () => {
    const closed = await open();
    await closed.close();
    expect(await closed.tokenInfo()).toMatchObject({ ok: false, refusal: { code: 'keys.unavailable' } });
  });

  it.each(['0644', '0640', '0604'])('does not open with a PIN file of mode %s', async (mode) => {
    chmodSync(token.pinFile, mode);
    try {
      await expect(open()).rejects.toMatchObject({
        refusal: { code: 'keys.pin-file-unsafe' },
      } as Partial<RefusalError>);
    } finally {
      chmodSync(token.pinFile, 0o600);
    }
  });

  it('tells no event or refusal a secret', () => {
    const pin = readFileSync(token.pinFile, 'utf8');
    expect(events.length).toBeGreaterThan(0);
    expect(JSON.stringify(events)).not.toContain(pin);
  });
});

describe('a wrong PIN', () => {
  let token: SofthsmFolder;
  let rightPin: string;
  beforeAll(async () => {
    token = await softhsmToken('wrong-pin');
    rightPin = readFileSync(token.pinFile, 'utf8');
  });
  afterAll(() => {
    token.remove();
  });
  const openedWith = async (pin: string) => {
    writeFileSync(token.pinFile, pin);
    const events: KeyStoreEvent[] = [];
    const store = await openKeyStore({ ...token, onEvent: (event) => events.push(event) });
    const health = store.health();
    const answer = await store.tokenInfo();
    await store.close();
    return { health, answer, tries: events.filter(({ event }) => event === 'pin-incorrect').length };
  };

  it('is tried once per start and three times in all, and then not even the right one is', async () => {
    for (const count of [1, 2, 3]) {
      const { health, answer, tries } = await openedWith('wrong');
      expect(tries).toBe(1);
      expect(health).toMatchObject({ state: 'failed', code: 'keys.pin-incorrect' });
      expect(health.detail).toContain(`${count} of 3 tries`);
      expect(health.detail).toContain(token.pinFile);
      expect(answer).toMatchObject({ ok: false, refusal: { code: 'keys.pin-incorrect' } });
    }
    const { health, tries } = await openedWith(rightPin);
    expect(tries).toBe(0);
    expect(health).toMatchObject({ state: 'failed', code: 'keys.pin-incorrect' });
    expect(health.detail).toContain('delete');
  });

  it('is forgotten once a person has cleared it and the PIN is right', async () => {
    writeFileSync(`${token.pinFile}.wrong-tries`, '2\n');
    expect((await openedWith(rightPin)).health.state).toBe('ready');
    expect(existsSync(`${token.pinFile}.wrong-tries`)).toBe(false);
  });

  it('counts as tried out when the count cannot be read', async () => {
    writeFileSync(`${token.pinFile}.wrong-tries`, 'garbage');
    expect((await openedWith(rightPin)).health).toMatchObject({ state: 'failed', code: 'keys.pin-incorrect' });
  });
});

describe('a token that cannot be used', () => {
  it('is retried for as long as it is missing, and says why', async () => {
    const token = await softhsmToken('missing');
    const store = await openKeyStore({ ...token, tokenLabel: 'another', requestTimeoutMs: 500 });
    expect(store.health()).toMatchObject({ state: 'restarting', detail: 'no token is labelled another' });
    expect(await store.tokenInfo()).toMatchObject({ ok: false, refusal: { code: 'keys.unavailable' } });
    await store.close();
    expect(readdirSync(token.tokens)).toHaveLength(1);
    token.remove();
  });
});
