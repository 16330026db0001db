import { createHash, randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { jest } from '@jest/globals';
import { orThrow, type Result } from '@bulkhead/intent';
import { openKeyStore, verifyControl, verifyLowS, type KeyStore } from '@bulkhead/keys';
import { until } from '../../apps/cli/src/story/waiting.js';
import { AlphaPayments } from '../support/alpha-payments.js';
import { crowd } from '../support/crowded-token.js';
import { bytesOf } from '../support/outcome.js';
import { softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(180_000);

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
    expect(await crowd(token, token.tokens, OBJECTS)).toBe(OBJECTS);
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

  it('searches once for a key after a restart, and starts without reading all keys there are', async () => {
    const before = store.health().hostPid!;
    process.kill(before, 'SIGKILL');
    orThrow(await store.tokenInfo());
    orThrow(await store.signDigest('alpha/wanted', digest('after the restart')));
    expect(store.health().hostPid).not.toBe(before);
    expect(await medianMs()).toBeLessThan((await searchMs()) / 3);
  });

  it('takes no key that is there a thousand times', async () => {
    const refusal = await store.signDigest('filler/a', digest('which one?'));
    expect(refusal).toMatchObject({ refusal: { code: 'keys.attributes-wrong', facts: { keyId: 'filler/a' } } });
  });
});

describe('a signer whose token has 10,000 objects', () => {
  let alpha: AlphaPayments;
  beforeAll(async () => {
    alpha = await AlphaPayments.start();
    const { stack } = alpha.processes;
    const { profile, label, pinFile, configFile } = stack.tokens['signer-a'];
    await stack.part('signer-a').stop();
    const token = { profile, tokenLabel: label, pinFile, env: { SOFTHSM2_CONF: configFile } };
    expect(await crowd(token, join(dirname(configFile), 'tokens'), OBJECTS)).toBe(OBJECTS);
    await stack.part('signer-a').start();
  });
  afterAll(() => alpha.processes.stop());

  /** As an orchestrator does: what was not answered in time, on a machine that is busy, is asked for again. */
  const asked = <Value>(what: string, ask: () => Promise<Result<Value>>): Promise<Value> =>
    until(what, async () => {
      const answer = await ask();
      return !answer.ok && answer.refusal.code === 'signer.timeout' ? undefined : orThrow(answer);
    });

  it('makes a key in it, shows that it holds it, and signs, within the time-outs that signers have', async () => {
    const { publicKey } = await asked('a key', () => alpha.a.generateKey('alpha-crowded'));
    const statement = { nonce: randomBytes(32).toString('hex'), wallet: 'alpha-crowded', address: 'bcrt1qcrowded' };
    const proof = await asked('a proof', () => alpha.a.proveControl(statement));
    expect(orThrow(verifyControl(publicKey, statement, bytesOf(proof.signature)))).toBe(true);

    const request = alpha.request(alpha.honest());
    const { signatures } = await asked('a signature', () => alpha.a.signTransfer(request));
    expect(signatures).toHaveLength(1);
    expect(await asked('the same again', () => alpha.a.signTransfer(request))).toMatchObject({ signatures });
  });
});
