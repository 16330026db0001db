import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pkcs11ProfileSchema, softhsmConfiguration, tokenLabelSchema } from './profile.js';

const profile = {
  name: 'A module',
  libraries: ['/usr/lib/module.so'],
  environment: ['MODULE_CONF'],
  curveOid: '06052b8104000a',
  ecPoint: 'raw',
  mechanisms: { generateKeyPair: 'CKM_EC_KEY_PAIR_GEN', sign: 'CKM_ECDSA' },
};

describe('a PKCS#11 profile', () => {
  it('is taken when it is complete', () => {
    expect(pkcs11ProfileSchema.parse(profile)).toEqual(profile);
  });

  it.each([
    ['an unknown field', { pin: '1234' }],
    ['a library path that depends on the working directory', { libraries: ['module.so'] }],
    ['no library', { libraries: [] }],
    ['another curve (P-256)', { curveOid: '06082a8648ce3d030107' }],
    ['a point form nobody knows', { ecPoint: 'compressed' }],
    ['a mechanism that is no name', { mechanisms: { generateKeyPair: '0x1040', sign: 'CKM_ECDSA' } }],
  ])('is refused with %s', (_what, change) => {
    expect(pkcs11ProfileSchema.safeParse({ ...profile, ...change }).success).toBe(false);
  });
});

describe('the profiles of hsm-config', () => {
  const folder = join(import.meta.dirname, '..', '..', '..', 'hsm-config');
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const read = (file: string) => pkcs11ProfileSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')));

  it('are of SoftHSM and five vendors', () => {
    expect(files).toHaveLength(6);
  });

  it.each(files)('%s fits the schema', (file) => {
    expect(read(file).libraries.length).toBeGreaterThan(0);
  });

  it.each(files.filter((file) => file.includes('template')))('%s says that it was not tried on the device', (file) => {
    const profile = read(file);
    expect(profile.evidence).toBe('documentation');
    expect(profile.name).toContain('not tried on the device');
    expect(profile.source).toMatch(/^https:/);
    expect(profile.notes?.length).toBeGreaterThan(0);
  });
});

describe('a token label', () => {
  it.each(['a', 'signer-a', 'Signer A', 'x'.repeat(32)])('may be %j', (label) => {
    expect(tokenLabelSchema.parse(label)).toBe(label);
  });
  it.each(['', ' a', 'a ', 'x'.repeat(33), 'é', 'a\0'])('may not be %j', (label) => {
    expect(tokenLabelSchema.safeParse(label).success).toBe(false);
  });
});

it('gives SoftHSM one token directory, with the file backend that Debian builds', () => {
  expect(softhsmConfiguration('/state/tokens').split('\n')).toEqual(
    expect.arrayContaining(['directories.tokendir = /state/tokens', 'objectstore.backend = file']),
  );
});
