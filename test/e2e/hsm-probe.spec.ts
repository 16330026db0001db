import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { keyAttributesSchema, openKeyStore, type Finding, type ProbeReport } from '@bulkhead/keys';
import { orThrow } from '@bulkhead/intent';
import { nssToken } from '../support/nss-token.js';
import { CKA_MODIFIABLE, CKF, CKR, shimmedToken, type ShimmedToken } from '../support/pkcs11-shim.js';
import { softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(60_000);

const root = join(import.meta.dirname, '..', '..');
const main = join(root, 'dist', 'apps', 'cli', 'main.js');

interface Answer {
  readonly status: number | null;
  readonly report: ProbeReport;
  readonly outcomes: Readonly<Record<string, Finding['outcome']>>;
}

/** `bulkhead hsm probe` as an operator runs it; `piped`: a file that another program pipes into it. */
function run(args: readonly string[], env: Readonly<Record<string, string>>, piped?: string) {
  const command = [process.execPath, main, 'hsm', 'probe', ...args];
  const shell = ['sh', '-c', 'file=$1; shift; cat "$file" | "$@"', 'sh', piped ?? ''];
  const [program = '', ...rest] = piped === undefined ? command : [...shell, ...command];
  return spawnSync(program, rest, { env: { PATH: process.env['PATH'] ?? '', ...env }, encoding: 'utf8' });
}

function probed(args: readonly string[], env: Readonly<Record<string, string>>): Answer {
  const { status, stdout, stderr } = run([...args, '--json', '--signatures', '60'], env);
  if (stdout === '') throw new Error(stderr);
  const report = JSON.parse(stdout) as ProbeReport;
  return {
    status,
    report,
    outcomes: Object.fromEntries(report.findings.map(({ check, outcome }) => [check, outcome])),
  };
}

const finding = ({ report }: Answer, check: string): Finding => {
  const found = report.findings.find((one) => one.check === check);
  if (found === undefined) throw new Error(`${check} was not looked at`);
  return found;
};

const argumentsFor = (token: SofthsmFolder): string[] => {
  const library = token.profile.libraries.find((path) => existsSync(path)) ?? '';
  return ['--module', library, '--token', token.tokenLabel, '--pin-file', token.pinFile];
};

describe('the conformance probe on SoftHSM 2', () => {
  let token: SofthsmFolder;
  let answer: Answer;
  beforeAll(async () => {
    token = await softhsmToken('probe');
    const store = await openKeyStore(token);
    orThrow(await store.generateKey('alpha/before'));
    await store.close();
    answer = probed([...argumentsFor(token), '--try-wrong-pin', '2'], token.env);
  });
  afterAll(() => {
    token.remove();
  });

  it('finds it fit for quorum keys', () => {
    expect(answer.report.verdict).toBe('fit for quorum keys');
    expect(answer.status).toBe(0);
    expect(Object.values(answer.outcomes)).not.toContain('missing');
    expect(Object.values(answer.outcomes)).not.toContain('wrong');
  });

  it('finds it fit for wrapped backups and for sealing, with the code that a signer does both with', () => {
    expect(finding(answer, 'key.backup')).toMatchObject({
      outcome: 'ok',
      detail: expect.stringContaining('keyBackup may be "wrapped"'),
      facts: { 'decrypt with the wrapping key': 'CKR_KEY_FUNCTION_NOT_PERMITTED' },
    });
    expect(finding(answer, 'seal.aes-gcm').outcome).toBe('ok');
  });

  it('tries every attribute that a quorum key is judged by, and every way to change it', () => {
    expect(Object.keys(finding(answer, 'key.attributes').facts)).toEqual(Object.keys(keyAttributesSchema.shape));
    const { facts } = finding(answer, 'key.loosening');
    for (const use of ['extractable', 'not sensitive', 'sign-recover', 'decrypt', 'unwrap', 'derive'])
      for (const way of ['set', 'copy']) expect(facts[`${way} ${use}`]).toMatch(/^CKR_/);
  });

  it('finds out what it does that Bulkhead must guard against', () => {
    const { high = '0', of = '0' } = finding(answer, 'sign.high-s').facts;
    // half of them, give or take: 60 fair coins show fewer than 10 heads once in ten million times
    expect(Number(high)).toBeGreaterThan(10);
    expect(of).toBe('60');
    expect(finding(answer, 'sign.digest-length').facts).toEqual({ '33 bytes': 'truncates', '64 bytes': 'truncates' });
    expect(answer.outcomes).toMatchObject({ 'sign.high-s': 'guarded', 'sign.digest-length': 'guarded' });
  });

  it('tries wrong PINs when it is asked to, and the right one after them', () => {
    expect(finding(answer, 'pin.wrong').facts).toMatchObject({
      'wrong PIN 1': expect.stringContaining('CKR_PIN_INCORRECT'),
      'wrong PIN 2': expect.stringContaining('CKR_PIN_INCORRECT'),
      'right PIN': 'done',
    });
  });

  it('leaves nothing behind, and the keys that were there', async () => {
    expect(finding(answer, 'object.left').facts).toMatchObject({ before: '2', after: '2' });
    const store = await openKeyStore(token);
    expect(orThrow(await store.listKeys())).toEqual(['alpha/before']);
    await store.close();
  });

  it('tries no wrong PIN unless it is asked to', () => {
    expect(finding(probed(argumentsFor(token), token.env), 'pin.wrong').detail).toContain('not tried');
  });

  it('takes the PIN from a pipe, and prints lines for people', () => {
    const args = [
      '--module',
      argumentsFor(token)[1] ?? '',
      '--token',
      'probe',
      '--pin-file',
      '-',
      '--signatures',
      '10',
    ];
    const { status, stdout } = run(args, token.env, token.pinFile);
    expect(stdout).toMatch(/^ok +\* curve\.secp256k1/m);
    expect(stdout).toContain('probe: fit for quorum keys');
    expect(stdout).not.toContain(readFileSync(token.pinFile, 'utf8'));
    expect(status).toBe(0);
  });
});

describe('the probe of a profile', () => {
  let token: SofthsmFolder;
  beforeAll(async () => {
    token = await softhsmToken('profiled');
  });
  afterAll(() => {
    token.remove();
  });
  const profileFile = (change: object): string => {
    const file = join(token.folder, 'profile.json');
    writeFileSync(file, JSON.stringify({ ...token.profile, ...change }));
    return file;
  };
  const args = (change: object): string[] => [
    ...['--profile', profileFile(change), '--token', token.tokenLabel, '--pin-file', token.pinFile],
  ];

  it('loads the module by it, and finds its fields right', () => {
    const answer = probed(args({}), token.env);
    expect(finding(answer, 'profile.fields')).toMatchObject({ outcome: 'ok', facts: { ecPoint: 'der-octet-string' } });
    expect(finding(answer, 'key.backup').needed).toBe(false);
    expect(answer.status).toBe(0);
  });

  it('finds out that CKA_EC_POINT is of the other form, as the module host does', () => {
    const answer = probed(args({ ecPoint: 'raw' }), token.env);
    expect(finding(answer, 'profile.fields').detail).toContain('ecPoint must be der-octet-string');
    expect(finding(answer, 'key.in-token')).toMatchObject({ outcome: 'wrong', facts: { wrong: 'publicKey' } });
    expect(answer.status).toBe(1);
  });

  it('finds out that a mechanism is not offered', () => {
    const mechanisms = { ...token.profile.mechanisms, sign: 'CKM_ECDSA_SHA3_256' };
    const answer = probed(args({ mechanisms }), token.env);
    expect(finding(answer, 'module.mechanisms').detail).toContain('CKM_ECDSA_SHA3_256 not offered');
    expect(answer.status).toBe(1);
  });

  it('takes wrapped backups as needed where the profile has them', () => {
    const answer = probed(args({ keyBackup: 'wrapped' }), token.env);
    expect(finding(answer, 'key.backup')).toMatchObject({ outcome: 'ok', needed: true });
    expect(answer.status).toBe(0);
  });

  it('gives the module no more of the environment than the profile names', () => {
    // without its configuration SoftHSM finds no token of that label, or does not start at all
    expect(probed(args({ environment: [] }), token.env).status).toBe(2);
  });

  it('cannot be run without what the profile names, without a profile, or with a module besides', () => {
    expect(run(args({}), {})).toMatchObject({ status: 2, stderr: expect.stringContaining('SOFTHSM2_CONF') });
    const noProfile = ['--profile', token.pinFile, '--token', 'profiled', '--pin-file', token.pinFile];
    expect(run(noProfile, token.env)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no PKCS#11 profile'),
    });
    expect(run(noProfile.slice(2), token.env)).toMatchObject({ status: 2 });
    expect(run([...args({}), ...argumentsFor(token)], token.env).stderr).toContain('cannot be used with');
  });
});

describe('a probe that cannot be run ends with status 2', () => {
  let token: SofthsmFolder;
  beforeEach(async () => {
    token = await softhsmToken('unprobed');
  });
  afterEach(() => {
    token.remove();
  });

  it.each([
    ['a module that is not there', '--module', '/nonexistent.so', 'module.load'],
    ['a library that is no PKCS#11 module', '--module', '/usr/lib/x86_64-linux-gnu/libm.so.6', 'module.load'],
    ['a token of that label that is not there', '--token', 'another', 'module.find-token'],
  ])('for %s', (_what, option, value, check) => {
    const args = argumentsFor(token);
    args[args.indexOf(option) + 1] = value;
    const answer = probed(args, token.env);
    expect(answer.status).toBe(2);
    expect(answer.outcomes).toMatchObject({ [check]: 'missing' });
  });

  it('for a PIN file that others may read', () => {
    chmodSync(token.pinFile, 0o644);
    const { status, stderr } = run(argumentsFor(token), token.env);
    expect(stderr).toContain('chmod 600');
    expect(status).toBe(2);
  });

  it('for a wrong PIN, which it counts where the signer does, and does not try a fourth time', () => {
    writeFileSync(token.pinFile, 'not the PIN');
    for (const count of [1, 2, 3]) {
      expect(probed(argumentsFor(token), token.env)).toMatchObject({
        status: 2,
        outcomes: { 'module.login': 'missing' },
      });
      expect(readFileSync(`${token.pinFile}.wrong-tries`, 'utf8').trim()).toBe(String(count));
    }
    const { status, stderr } = run(argumentsFor(token), token.env);
    expect(stderr).toContain('3 wrong PINs');
    expect(status).toBe(2);
  });
});

describe('a module that misbehaves under the probe', () => {
  let token: ShimmedToken;
  beforeAll(async () => {
    token = await shimmedToken('misbehaves');
  });
  afterEach(() => {
    token.heal();
  });
  afterAll(() => {
    token.remove();
  });
  const probe = (...more: string[]): Answer => probed([...argumentsFor(token), ...more], token.env);

  it('by signing wrongly, is found out', () => {
    token.inflict('C_Sign flip');
    expect(probe()).toMatchObject({ status: 2, outcomes: { 'curve.secp256k1': 'wrong', 'curve.p256': 'wrong' } });
  });

  it('by leaving a key modifiable, is found out: the module host would not take such a key', () => {
    token.inflict(`C_GenerateKeyPair strip ${CKA_MODIFIABLE}`);
    const answer = probe();
    expect(answer).toMatchObject({ status: 1, outcomes: { 'key.loosening': 'wrong', 'key.backup': 'wrong' } });
    for (const check of ['key.attributes', 'key.in-token'])
      expect(finding(answer, check)).toMatchObject({ outcome: 'wrong', detail: expect.any(String) as string });
    expect(finding(answer, 'key.loosening').facts).toMatchObject({ 'set derive': 'LOOSE', 'copy decrypt': 'LOOSE' });
  });

  it('by crashing, is named with the check that it crashed in', () => {
    token.inflict('C_CreateObject crash');
    const answer = probe();
    expect(answer.status).toBe(1);
    expect(finding(answer, 'object.data').detail).toContain('crashes (SIGABRT)');
    token.heal();
    expect(finding(probe(), 'object.left').facts).toMatchObject({ before: '0', after: '0' });
  });

  it('by hanging, is given up after the time for one check', () => {
    token.inflict('C_CreateObject hang 60000');
    const answer = probe('--check-timeout', '2');
    expect(finding(answer, 'object.data').detail).toContain('hangs');
    expect(answer.status).toBe(1);
  });

  it('by refusing to keep data, is told apart by its code', () => {
    token.inflict(`C_CreateObject error ${CKR.DEVICE_ERROR}`);
    const answer = probe();
    expect(finding(answer, 'object.data')).toMatchObject({ outcome: 'missing', facts: { ckr: 'CKR_DEVICE_ERROR' } });
    expect(answer).toMatchObject({ status: 1, report: { verdict: expect.stringContaining('object.data') as string } });
  });
});

describe('the lock of a PIN under the probe', () => {
  let token: ShimmedToken;
  beforeAll(async () => {
    token = await shimmedToken('locking');
  });
  afterAll(() => {
    token.remove();
  });

  it.each([
    ['is locked', CKF.USER_PIN_LOCKED],
    ['has one try left', CKF.USER_PIN_FINAL_TRY],
  ])('keeps it from any login where the token says that it %s', (_what, flag) => {
    token.inflict(`C_GetTokenInfo flags ${flag}`);
    const answer = probed(argumentsFor(token), token.env);
    expect(answer).toMatchObject({ status: 2, outcomes: { 'module.login': 'missing' } });
    expect(finding(answer, 'module.login').facts).toEqual({ ckr: 'CKR_PIN_LOCKED' });
    expect(existsSync(`${token.pinFile}.wrong-tries`)).toBe(false);
  });

  it('is found to be counted towards where the token says that it counts', () => {
    token.inflict(`C_GetTokenInfo flags ${CKF.USER_PIN_COUNT_LOW}`);
    const answer = probed([...argumentsFor(token), '--try-wrong-pin', '1'], token.env);
    expect(finding(answer, 'pin.wrong')).toMatchObject({
      outcome: 'ok',
      facts: { 'wrong PIN 1': 'CKR_PIN_INCORRECT USER_PIN_COUNT_LOW', 'right PIN': 'done' },
    });
  });
});

const nss = nssToken();
const nssSuite = nss === undefined ? describe.skip : describe;
nssSuite(`the conformance probe on NSS softokn (libnss3)${nss ? '' : ' (not run: libnss3 is not installed)'}`, () => {
  let answer: Answer;
  beforeAll(() => {
    if (nss === undefined) return;
    const { library, libraryParameters, tokenLabel, pinFile } = nss;
    const module = ['--module', library, '--library-parameters', libraryParameters];
    answer = probed([...module, '--token', tokenLabel, '--pin-file', pinFile], {});
  });
  afterAll(() => {
    nss?.remove();
  });

  it('finds P-256, no secp256k1, and says that it is usable in part', () => {
    expect(answer.outcomes).toMatchObject({ 'curve.p256': 'ok', 'curve.secp256k1': 'missing' });
    expect(finding(answer, 'curve.secp256k1').facts).toEqual({ ckr: 'CKR_DOMAIN_PARAMS_INVALID' });
    expect(answer.report.verdict).toMatch(/^usable in part/);
    expect(answer.status).toBe(1);
  });

  it('finds that it lets a key that cannot leave be copied to one that can', () => {
    expect(finding(answer, 'key.loosening')).toMatchObject({
      outcome: 'wrong',
      facts: { 'copy extractable': 'LOOSE' },
    });
  });

  it('goes as far as it can, and leaves nothing behind', () => {
    expect(answer.outcomes).toMatchObject({ 'sign.rate': 'noted', 'session.second': 'ok', 'object.left': 'ok' });
  });
});
