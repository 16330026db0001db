import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { ProbeReport } from '@bulkhead/keys';
import { findOpenCryptoki, OPENCRYPTOKI_MODULE } from '#bootstrap/opencryptoki.mjs';

jest.setTimeout(120_000); // real processes on a busy machine

const root = join(import.meta.dirname, '..', '..');
/** Of the soft token: 4 to 8 characters. */
const PIN = '24681357';
const NOT_HERE = 77;

/** A command beside a running openCryptoki with a new soft token, in namespaces of its own. */
function beside(unpacked: string, command: readonly string[]) {
  const scratch = mkdtempSync(join(tmpdir(), 'bulkhead-opencryptoki-'));
  const namespaces = ['--mount', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const script = join(root, 'test', 'support', 'opencryptoki.sh');
  const ran = spawnSync('unshare', [...namespaces, 'sh', script, unpacked, scratch, 'probed', PIN, ...command], {
    encoding: 'utf8',
  });
  rmSync(scratch, { recursive: true });
  return ran;
}

/** Why it cannot be run here; undefined when it can. */
function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'it takes root';
  const unpacked = findOpenCryptoki();
  if (unpacked === undefined) return 'npm test could not fetch it by apt-get';
  const { status, stderr } = beside(unpacked, ['true']);
  return status === 0 ? undefined : `it cannot be set up here: ${stderr.trim().split('\n').at(-1) ?? ''}`;
}

const reason = obstacle();
const suite = reason === undefined ? describe : describe.skip;
suite(
  `the conformance probe on openCryptoki's soft token${reason === undefined ? '' : ` (not run: ${reason})`}`,
  () => {
    let status: number | null;
    let report: ProbeReport;
    const folder = mkdtempSync(join(tmpdir(), 'bulkhead-opencryptoki-pin-'));
    beforeAll(() => {
      const pinFile = join(folder, 'pin');
      writeFileSync(pinFile, PIN, { mode: 0o600 });
      const main = join(root, 'dist', 'apps', 'cli', 'main.js');
      const options = ['--module', OPENCRYPTOKI_MODULE, '--token', 'probed', '--pin-file', pinFile, '--json'];
      const ran = beside(findOpenCryptoki() ?? '', [process.execPath, main, 'hsm', 'probe', ...options]);
      if (ran.status === NOT_HERE || ran.stdout === '') throw new Error(ran.stderr);
      status = ran.status;
      report = JSON.parse(ran.stdout) as ProbeReport;
    });
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });
    const outcomes = () => Object.fromEntries(report.findings.map(({ check, outcome }) => [check, outcome]));

    it('comes to its end, leaves nothing behind, and says what the token can', () => {
      expect(outcomes()).toMatchObject({
        'module.token': 'noted',
        'object.data': 'ok',
        'session.limit': 'noted',
        'object.left': 'ok',
      });
    });

    it('says of a token without elliptic curves that it cannot be used, by its exit status too', () => {
      const curves = report.findings.filter(({ check }) => check.startsWith('curve.'));
      // version 3.8 has none; one that has them is for people to look at
      for (const { outcome, facts } of curves)
        expect([outcome, facts]).toEqual(['missing', { ckr: 'CKR_MECHANISM_INVALID' }]);
      expect(report.verdict).toMatch(/^cannot be used \(module\.mechanisms, curve\.secp256k1/);
      expect(status).toBe(2);
    });

    it('calls nothing good that it could not look at for want of a key', () => {
      const looked = report.findings.filter(({ detail }) => detail.includes('no curve signs'));
      expect(looked.length).toBeGreaterThan(5);
      for (const { outcome } of looked) expect(outcome).toBe('missing');
    });
  },
);
