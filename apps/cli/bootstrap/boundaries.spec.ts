import { jest } from '@jest/globals';
import { ESLint, type Linter } from 'eslint';
import { join } from 'node:path';
import tseslint from 'typescript-eslint';
import { projectFolder } from './project.mjs';

jest.setTimeout(120_000); // the rules with type information read the whole project once

const allRules = new ESLint({ cwd: projectFolder });
/** The boundaries need no types, which take their time. */
const rulesWithoutTypes = new ESLint({
  cwd: projectFolder,
  overrideConfig: tseslint.configs.disableTypeChecked as Linter.Config,
});

// files that are there, since the rules with types know no others
const SIGNER = 'apps/signer/src/main.ts';
const ORCHESTRATOR = 'apps/orchestrator/src/main.ts';
const CLI = 'apps/cli/src/main.ts';
const LIB = 'libs/policy/src/index.ts';
const LIB_SPEC = 'libs/intent/src/canonical.spec.ts';
const SUITE = 'test/vectors/jcs.spec.ts';

/** @returns "rule: message" of everything that the rules say about this text in place of that file's */
async function complaints(rules: ESLint, file: string, text: string): Promise<string[]> {
  const [result] = await rules.lintText(`${text}\n`, { filePath: join(projectFolder, file) });
  return (result?.messages ?? []).map(({ ruleId, message }) => `${ruleId ?? 'none'}: ${message}`);
}

type Offence = [file: string, text: string, complaint: RegExp];
const impure = (name: string): Offence => [LIB, `import '${name}';`, /Libs are pure/];

describe('the boundaries between apps and libs', () => {
  it.each([
    [CLI, "import '@bulkhead/intent/src/refusals.js';", /no-restricted-imports.*through its index/],
    [ORCHESTRATOR, "import '../../../libs/intent/src/index.js';", /no-restricted-imports.*through its index/],
    [SIGNER, "export * from '@bulkhead/charter/reducer';", /no-restricted-imports.*through its index/],
    [SUITE, "import '../../libs/intent/src/refusals.js';", /no-restricted-imports.*through its index/],
    [SIGNER, "import '../../orchestrator/src/transfers/core/transitions.js';", /The signer imports no other app/],
    [SIGNER, "export { up } from '../../cli/src/up.js';", /The signer imports no other app/],
    [SIGNER, "import '#bootstrap/lock.mjs';", /The signer imports no other app/],
    [ORCHESTRATOR, "import '../../signer/src/startup.js';", /The orchestrator imports no other app/],
    [ORCHESTRATOR, "import '../../cli/src/up.js';", /The orchestrator imports no other app/],
    [SIGNER, "await import('../../orchestrator/src/main.js');", /no-restricted-syntax/],
  ])('refuse in %s: %s', async (file, text, complaint) => {
    expect(await complaints(rulesWithoutTypes, file, text)).toContainEqual(expect.stringMatching(complaint));
  });

  it.each<Offence>([
    [LIB, "import '../../../apps/signer/src/main.js';", /A lib never imports an app/],
    [LIB, "import '@bulkhead/orchestrator';", /A lib never imports an app/],
    [LIB_SPEC, "import '../../../apps/signer/src/main.js';", /A lib never imports an app/],
    [LIB, "import '../../intent/src/refusals.js';", /another lib only through its index/],
    [LIB, "import '@bulkhead/intent/src/refusals.js';", /another lib only through its index/],
    [LIB_SPEC, "import '../../charter/src/reducer.js';", /other libs through their index/],
    ...['@nestjs/common', 'typeorm', 'pg', 'pg-boss', 'fastify', 'ethers/providers', '#bootstrap/lock.mjs'].map(impure),
    ...['node:net', 'net', 'node:http', 'https', 'node:tls', 'node:dgram', 'node:dns'].map(impure),
    [LIB, "import type { Client } from 'pg';\nexport type Database = Client;", /Libs are pure/],
    [LIB, "export const price = fetch('http://127.0.0.1/');", /no-restricted-globals.*no network/],
    [LIB, "export const net = import('node:net');", /no-restricted-syntax/],
  ])('refuse in %s: %s', async (file, text, complaint) => {
    expect(await complaints(rulesWithoutTypes, file, text)).toContainEqual(expect.stringMatching(complaint));
  });

  it.each([
    [CLI, "import '@bulkhead/intent';"],
    [CLI, "import '../../orchestrator/src/signers/signer-client.js';"],
    [ORCHESTRATOR, "import '@bulkhead/charter';\nimport '@nestjs/core';\nimport 'node:net';"],
    [SIGNER, "import '@bulkhead/keys';\nimport './startup.js';\nimport 'typeorm';"],
    [LIB, "import '@bulkhead/intent';\nimport 'node:crypto';\nexport * from './schema.js';"],
    [LIB_SPEC, "import '@bulkhead/charter';\nimport '../../../test/support/members.js';\nimport './digest.js';"],
    [SUITE, "import '@bulkhead/bitcoin';\nimport '../../libs/bitcoin/test/software-quorum.js';"],
  ])('let pass in %s: %s', async (file, text) => {
    expect(await complaints(rulesWithoutTypes, file, text)).toEqual([]);
  });
});

describe('the rules about promises and types', () => {
  it.each([
    ['a promise that nobody waits for', 'Promise.resolve(1);', /no-floating-promises/],
    ['any', 'export const amount: any = 1;', /no-explicit-any/],
    ['what any leaks into', "export const amount: bigint = JSON.parse('1');", /no-unsafe-assignment/],
    ['a condition on a promise', 'export const a = Promise.resolve(true) ? 1 : 2;', /no-misused-promises/],
  ])('refuse %s, in apps and libs', async (_what, text, complaint) => {
    for (const file of [SIGNER, ORCHESTRATOR, CLI, LIB]) {
      expect(await complaints(allRules, file, text)).toContainEqual(expect.stringMatching(complaint));
    }
  });

  it('let awaited promises and exact types pass', async () => {
    expect(await complaints(allRules, LIB, 'export const amount = await Promise.resolve(10n ** 40n);')).toEqual([]);
  });
});
