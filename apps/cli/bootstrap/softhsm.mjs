// @ts-check
import { existsSync } from 'node:fs';
import { lastLines, runCommand } from './command.mjs';
import { Failure } from './failure.mjs';

/** Where Debian puts it: the package's own folder, and the multiarch one of later releases. */
const PLACES = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so'];

/** @returns {string | undefined} path of the SoftHSM 2 module: SOFTHSM2_LIB, else the installed one */
export function findSoftHsm() {
  const named = process.env.SOFTHSM2_LIB;
  if (named) return existsSync(named) ? named : undefined;
  return PLACES.find((place) => existsSync(place));
}

/** Installs Debian's softhsm2 (as root, or through sudo). */
export async function installSoftHsm() {
  if (process.env.SOFTHSM2_LIB) {
    throw new Failure(`SOFTHSM2_LIB names ${process.env.SOFTHSM2_LIB}, which does not exist.`, 'Mend or unset it.');
  }
  await aptGet(['update']);
  await aptGet(['install', '--yes', '--no-install-recommends', 'softhsm2']);
  if (!findSoftHsm()) {
    throw new Failure('softhsm2 is installed, yet no libsofthsm2.so is found.', 'Set SOFTHSM2_LIB to its path.');
  }
}

/** @param {string[]} args */
async function aptGet(args) {
  const asRoot = process.getuid?.() === 0;
  const command = ['apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=120', ...args];
  const [program = '', ...rest] = asRoot ? command : ['sudo', 'DEBIAN_FRONTEND=noninteractive', ...command];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const { ok, said } = await runCommand(program, rest, { env, stdin: 'inherit' }); // sudo may ask for a password
  if (ok) return;
  throw new Failure(
    `apt-get ${args.join(' ')} failed:\n${lastLines(said, 6)}`,
    'Mend that, then run the same command again.',
  );
}
