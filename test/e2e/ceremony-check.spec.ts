import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectFolder } from '#bootstrap/project.mjs';
import { jest } from '@jest/globals';
import { CeremonyTable } from '../support/ceremony-table.js';
import { bulkhead, type Ran } from '../support/run-bulkhead.js';
import { softhsmToken, type SofthsmFolder } from '../support/softhsm.js';

jest.setTimeout(300_000);

interface Plan {
  tokens: { signer: string; profileFile: string; label: string; pinFile: string; env: object }[];
  rota: object[];
  genesis: { quorums: Record<string, unknown> };
}
const example = (name: string): string => join(projectFolder, 'docs/examples', name);
const check = (file: string): Promise<Ran> => bulkhead('ceremony', 'check', '--plan', file);

/** As docs/operations.md has it: tokens that their officers have initialised, and a plan made of the example. */
describe('the check of a plan', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-plan-'));
  const file = join(folder, 'plan.json');
  const tokens: SofthsmFolder[] = [];
  let plan: Plan;

  beforeAll(async () => {
    plan = JSON.parse(readFileSync(example('genesis-plan.json'), 'utf8')) as Plan;
    for (const place of plan.tokens) {
      const token = await softhsmToken(place.signer);
      tokens.push(token);
      const profileFile = join(projectFolder, 'hsm-config/softhsm2.json');
      Object.assign(place, { profileFile, pinFile: token.pinFile, env: token.env });
    }
  });
  afterAll(() => {
    for (const token of tokens) token.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  const checked = (changed: object = {}): Promise<Ran> => {
    writeFileSync(file, JSON.stringify({ ...plan, ...changed }));
    return check(file);
  };

  it('says what each step would do, who performs it, and writes nothing', async () => {
    const before = tokens.map((token) => readdirSync(token.tokens, { recursive: true }));
    const { status, output } = await checked();
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('a genesis') });
    expect(output).toMatch(/module:signer-b: The PKCS#11 module of signer-b is the announced one \(\w+, witnessed by/);
    expect(output).toMatch(/library sha256: [0-9a-f]{64} \(nothing announced/);
    expect(output).toMatch(/serial: [0-9a-f]{16}/);
    for (const step of ['roles', 'tool', 'keys:signer-c', 'wallets', 'genesis'])
      expect(output).toContain(`\n${step}: `);
    expect(readdirSync(folder)).toEqual(['plan.json']);
    expect(tokens.map((token) => readdirSync(token.tokens, { recursive: true }))).toEqual(before);
  });

  it('names everything that would stop the ceremony, not the first only', async () => {
    const [a, b, c] = plan.tokens;
    chmodSync(tokens[2]!.pinFile, 0o644);
    const { status, output } = await checked({
      toolSha256: 'f'.repeat(64),
      tokens: [{ ...a, label: 'another' }, { ...b, librarySha256: 'f'.repeat(64), env: {} }, c],
    });
    chmodSync(tokens[2]!.pinFile, 0o600);
    expect({ status, output }).toEqual({ status: 1, output: expect.stringContaining('5 of these would stop') });
    for (const said of [
      'The program’s SHA-256 is',
      'No token has the label another',
      'The PKCS#11 module of SoftHSM 2 needs SOFTHSM2_CONF',
      'must be a small file that only its owner may read',
    ])
      expect(output).toContain(`STOPS IT: `.concat(said.startsWith('must') ? `${tokens[2]!.pinFile} ${said}` : said));
  });

  it('finds a genesis that the charter would not begin with, and a step that one person would witness alone', async () => {
    const alone = [{ performer: 'olivia', witness: 'olivia' }];
    expect((await checked({ rota: alone })).output).toMatch(/STOPS IT: ceremony\.malformed/);
    const genesis = { ...plan.genesis, quorums: { ...plan.genesis.quorums } };
    genesis.quorums['client.open'] = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 9 }]] };
    expect(await checked({ genesis })).toMatchObject({
      status: 1,
      output: expect.stringMatching(/STOPS IT: [a-z]+\.quorum-unreachable/),
    });
  });

  it('takes the plan of a ceremony of tokens, and blank tokens that would be initialised', async () => {
    const [token] = plan.tokens;
    const spare = JSON.parse(readFileSync(example('token-plan.json'), 'utf8')) as Plan;
    writeFileSync(file, JSON.stringify({ ...spare, tokens: [{ ...token, signer: 'signer-d' }] }));
    expect(await check(file)).toMatchObject({ status: 0, output: expect.stringContaining('of firm abab') });
    const table = new CeremonyTable();
    const blank = await check(table.plan);
    expect(blank).toMatchObject({ status: 0, output: expect.stringContaining('will be, with random PINs') });
    expect([existsSync(table.path('signer-a.pin')), existsSync(table.transcript)]).toEqual([false, false]);
    table.clear();
  });
});
