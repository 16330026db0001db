// @ts-check
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bitcoindIsAtHand, fetchBitcoind } from './bitcoind.mjs';
import { build, buildIsFresh } from './build.mjs';
import { Failure } from './failure.mjs';
import { lockHolder, takeLock } from './lock.mjs';
import { findProgram, gigabytes, machineFacts, machineProblems, missingSystemPackages } from './machine.mjs';
import { buildNativeModule, installPackages, packagesAreInstalled, pkcs11ModuleIsBuilt } from './packages.mjs';
import { commandLineOf } from './process-identity.mjs';
import { step } from './progress.mjs';
import { findNss } from './nss.mjs';
import { fetchOpenCryptoki, findOpenCryptoki } from './opencryptoki.mjs';
import { stateFolder } from './project.mjs';
import { installSystemPackages } from './system-packages.mjs';

const WAIT_FOR_ANOTHER_MS = 10 * 60_000;

/**
 * Brings this clone to where its programs can start: packages, SoftHSM, bitcoind, build. Each step is left out when done
 * before.
 *
 * @param {{ forTests?: boolean }} options `forTests`: what only tests use, too
 */
export async function prepare({ forTests = false } = {}) {
  const facts = await step('machine', machineFacts, {
    outcome: (found) =>
      `${found.platform} ${found.architecture}, Node ${found.nodeVersion}, ${gigabytes(found.freeBytes)} GB free`,
  });
  const problems = machineProblems(facts);
  if (problems.length > 0) {
    throw new Failure(['This machine is not ready:', ...problems.map((problem) => `  - ${problem}`)].join('\n'));
  }
  mkdirSync(stateFolder, { recursive: true });
  const release = await takeTurn();
  try {
    await installEverything(facts, forTests);
  } finally {
    release();
  }
}

/** @param {import('./machine.mjs').MachineFacts} facts @param {boolean} forTests */
async function installEverything(facts, forTests) {
  const wanted = [...missingSystemPackages(facts), ...(forTests ? missingForTests(facts) : [])];
  if (wanted.length > 0) {
    const command = `${facts.isRoot ? '' : 'sudo '}apt-get install ${wanted.join(' ')}`;
    await step('Debian packages', () => installSystemPackages(wanted), {
      slow: `${command}${facts.isRoot ? '' : ' (sudo may ask for your password)'}`,
      outcome: () => wanted.join(' '),
    });
  }
  if (!packagesAreInstalled()) {
    refuseUnderARunningStack();
    await step('npm packages', installPackages, { slow: 'npm ci, about a minute', outcome: () => 'installed' });
  } else if (!pkcs11ModuleIsBuilt()) {
    await step('PKCS#11 binding', buildNativeModule, { slow: 'compiling', outcome: () => 'built' });
  }
  if (!bitcoindIsAtHand()) {
    await step('bitcoind', fetchBitcoind, {
      slow: 'fetching it from the Debian mirror of this machine (50 MB)',
      outcome: (version) => version,
    });
  }
  const { isRoot, programs } = facts;
  if (forTests && isRoot && programs['apt-get'] && findOpenCryptoki() === undefined)
    await step('openCryptoki', fetchOpenCryptoki, { outcome: (result) => result });
  if (!buildIsFresh()) await step('build', build, { outcome: () => 'compiled into dist/' });
}

/**
 * What only tests use, where it is missing and can be had: Chromium, without which the passkey tests fail, and NSS, a
 * second PKCS#11 module for the conformance probe.
 *
 * @param {import('./machine.mjs').MachineFacts} facts
 */
function missingForTests({ programs, isRoot, sudoWorks }) {
  if (!programs['apt-get'] || !(isRoot || sudoWorks)) return [];
  const browser = findProgram('chromium') !== undefined || process.env.BULKHEAD_CHROMIUM;
  return [...(browser ? [] : ['chromium']), ...(findNss() === undefined ? ['libnss3'] : [])];
}

/** npm ci empties node_modules, which a running stack lives on. */
function refuseUnderARunningStack() {
  const holder = lockHolder(join(stateFolder, 'launcher.lock'));
  if (holder) {
    throw new Failure(
      `The packages have changed, and a stack of this clone is running on the old ones (process ${holder.pid}).`,
      'Stop it first: npm run down',
    );
  }
}

/** @returns {Promise<() => void>} once no other set-up works on this clone; the function ends our turn */
async function takeTurn() {
  const endMs = Date.now() + WAIT_FOR_ANOTHER_MS;
  for (let told = false; ; told = true) {
    const lock = takeLock(join(stateFolder, 'bootstrap.lock'));
    if (lock.taken) return lock.release;
    const { pid } = lock.holder;
    if (!told)
      console.log(
        `  …  another set-up of this clone is at work (process ${pid}: ${commandLineOf(pid)}); waiting for it`,
      );
    if (Date.now() > endMs) {
      throw new Failure(
        `The other set-up (process ${pid}) did not end within ten minutes.`,
        `If it hangs, end it: kill ${pid}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
