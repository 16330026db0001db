// @ts-check
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { bitcoindIsAtHand } from './bitcoind.mjs';
import { packagesAreInstalled, pkcs11ModuleIsBuilt } from './packages.mjs';
import { projectFolder, stateFolder } from './project.mjs';
import { findSoftHsm } from './softhsm.mjs';

/** Free bytes wanted: packages, binaries and the first chain state before the installation; room to work afterwards. */
const FREE_BYTES_TO_INSTALL = 3_000_000_000;
const FREE_BYTES_TO_RUN = 300_000_000;
const OLDEST_NODE = [20, 19];

/**
 * What the set-up knows of the machine. `misnamed` has the variables that name a file that is not there.
 * @typedef {{
 *   platform: string, architecture: string, nodeVersion: string, freeBytes: number, projectIsWritable: boolean,
 *   programs: Record<'npm' | 'python3' | 'make' | 'g++' | 'apt-get' | 'dpkg-deb' | 'setpriv' | 'sudo', boolean>,
 *   isRoot: boolean, sudoWorks: boolean,
 *   misnamed: Record<string, string>,
 *   missing: { packages: boolean, pkcs11Build: boolean, softhsm: boolean, bitcoind: boolean }
 * }} MachineFacts
 */

/** @returns {MachineFacts} */
export function machineFacts() {
  const isRoot = process.getuid?.() === 0;
  const has = (/** @type {string} */ name) => findProgram(name) !== undefined;
  const { SOFTHSM2_LIB = '', BITCOIND = '', PG_BIN = '' } = process.env;
  const named = Object.entries({ SOFTHSM2_LIB, BITCOIND, PG_BIN }).filter(([, path]) => path !== '');
  const missing = {
    packages: !packagesAreInstalled(),
    pkcs11Build: !pkcs11ModuleIsBuilt(),
    softhsm: !SOFTHSM2_LIB && findSoftHsm() === undefined,
    bitcoind: !BITCOIND && !bitcoindIsAtHand(),
  };
  const programs = {
    npm: has('npm') || process.env.npm_execpath !== undefined,
    python3: has('python3'),
    make: has('make'),
    'g++': has('g++'),
    'apt-get': has('apt-get'),
    'dpkg-deb': has('dpkg-deb'),
    setpriv: has('setpriv'),
    sudo: has('sudo'),
  };
  return {
    platform: process.platform,
    architecture: process.arch,
    nodeVersion: process.versions.node,
    freeBytes: Math.min(...[projectFolder, stateFolder].filter((folder) => existsSync(folder)).map(freeBytes)),
    projectIsWritable: isWritable(projectFolder),
    programs,
    isRoot,
    // asked only when something must be installed: sudo may write to the system's log
    sudoWorks: missingSystemPackages({ missing, programs }).length > 0 && !isRoot && programs.sudo && sudoWorks(),
    misnamed: Object.fromEntries(named.filter(([, path]) => !existsSync(path))),
    missing,
  };
}

/**
 * @param {Pick<MachineFacts, 'missing' | 'programs'>} facts
 * @returns {string[]} names of the Debian packages to install
 */
export function missingSystemPackages({ missing, programs }) {
  const compiling = missing.packages || missing.pkcs11Build;
  const tools = /** @type {const} */ (['python3', 'make', 'g++']).filter((tool) => compiling && !programs[tool]);
  return [...(missing.softhsm ? ['softhsm2'] : []), ...tools];
}

/**
 * @param {MachineFacts} facts
 * @returns {string[]} one message for each thing that stands in the way, each saying what to do; empty when none does
 */
export function machineProblems(facts) {
  const { missing, programs } = facts;
  const nothingInstalled = missing.packages || missing.bitcoind;
  const freeBytesWanted = nothingInstalled ? FREE_BYTES_TO_INSTALL : FREE_BYTES_TO_RUN;
  /** @type {string[]} */ const problems = [];
  const unless = (/** @type {boolean} */ fine, /** @type {string} */ problem) => fine || problems.push(problem);

  unless(
    facts.platform === 'linux' && facts.architecture === 'x64',
    `This machine is ${facts.platform} ${facts.architecture}; Bulkhead's development stack runs on linux x64: use such a machine, or a virtual one.`,
  );
  unless(
    isNewEnough(facts.nodeVersion),
    `Node ${facts.nodeVersion} is too old: install Node ${OLDEST_NODE.join('.')} or later (24 is best).`,
  );
  unless(programs.npm || !missing.packages, 'npm is missing: install it (apt-get install npm, or with Node itself).');
  unless(
    facts.freeBytes >= freeBytesWanted,
    `Only ${gigabytes(facts.freeBytes)} GB are free at ${projectFolder}; ${gigabytes(freeBytesWanted)} GB are needed: free some space.`,
  );
  unless(
    facts.projectIsWritable,
    `${projectFolder} is not writable by this user: clone the project to a folder of yours, or chown it.`,
  );
  unless(
    programs.setpriv,
    'setpriv is missing, which starts the parts of the stack: install it (apt-get install util-linux).',
  );
  for (const [name, path] of Object.entries(facts.misnamed)) {
    problems.push(`${name} is ${path}, which does not exist: mend or unset it.`);
  }
  const wanted = missingSystemPackages(facts);
  unless(
    wanted.length === 0 || (programs['apt-get'] && (facts.isRoot || facts.sudoWorks)),
    `${wanted.join(', ')} missing, and this user cannot install (that takes apt-get, and root or sudo): ask for \`apt-get install ${wanted.join(' ')}\`.`,
  );
  if (missing.bitcoind) {
    unless(
      programs['apt-get'] && programs['dpkg-deb'],
      'bitcoind is missing and cannot be fetched (that takes apt-get and dpkg-deb): put a bitcoind on the PATH, or set BITCOIND to one.',
    );
  }
  return problems;
}

/** @param {string} version @returns {boolean} */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** @param {number} bytes @returns {string} */
export function gigabytes(bytes) {
  return (bytes / 1e9).toFixed(1);
}

/**
 * @param {string} name
 * @returns {string | undefined} the program's path
 */
export function findProgram(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).find((path) => isExecutable(path));
}

/** @param {string} path @returns {boolean} */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return existsSync(path);
  } catch {
    return false;
  }
}

/** @param {string} folder @returns {boolean} */
function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} folder @returns {number} */
function freeBytes(folder) {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** @returns {boolean} whether sudo runs a command here, if need be after asking for a password */
function sudoWorks() {
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 || process.stdin.isTTY === true;
}
