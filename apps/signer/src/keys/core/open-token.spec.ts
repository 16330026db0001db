import { join } from 'node:path';
import { configSchema } from '../../config.js';
import { keyStoreOptions } from './open-token.js';

const tokenSchema = configSchema.shape.token;
const profileFile = join(import.meta.dirname, '..', '..', '..', '..', '..', 'hsm-config', 'softhsm2.json');
const token = { profileFile, label: 'signer-a', pinFile: '/pin', env: { SOFTHSM2_CONF: '/conf' } };

describe('the token of a signer’s configuration', () => {
  it('is opened with the key store’s own time-outs and queue, where nothing is said of them', () => {
    expect(keyStoreOptions(tokenSchema.parse(token))).toEqual({
      profile: expect.objectContaining({ name: 'SoftHSM 2' }) as object,
      tokenLabel: 'signer-a',
      pinFile: '/pin',
      env: { SOFTHSM2_CONF: '/conf' },
      workers: 1,
    });
  });

  it('is opened with what an HSM needs that takes its time', () => {
    const slow = { workers: 8, requestTimeoutMs: 30_000, startTimeoutMs: 120_000, maxQueue: 1_000 };
    expect(keyStoreOptions(tokenSchema.parse({ ...token, ...slow }))).toMatchObject(slow);
  });

  it.each([{ requestTimeoutMs: 0 }, { startTimeoutMs: 999 }, { maxQueue: 0 }, { timeoutMs: 1_000 }])(
    'is refused with %j',
    (wrong) => {
      expect(tokenSchema.safeParse({ ...token, ...wrong }).success).toBe(false);
    },
  );
});
