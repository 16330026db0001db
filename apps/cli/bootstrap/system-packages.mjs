// @ts-check
import { lastLines, runCommand } from './command.mjs';
import { Failure } from './failure.mjs';

const WAIT_FOR_ANOTHER_APT_MS = 3 * 60_000;
const LOOK_EVERY_MS = 3_000;

/**
 * Installs Debian packages with one apt-get, as root or through sudo, which may ask for the password on the terminal.
 * @param {readonly string[]} names
 */
export async function installSystemPackages(names) {
  // a new machine has no package lists; where they cannot be renewed, those it has may still do
  const update = await aptGet(['update']);
  const install =
    update.ok || !isSudoRefusing(update.said)
      ? await aptGet(['install', '--yes', '--no-install-recommends', ...names])
      : { ok: false, said: '' };
  if (install.ok) return;
  const said = `${update.said}\n${install.said}`; // an update that fetched nothing may end well all the same
  throw new Failure(`apt-get install ${names.join(' ')} failed:\n${lastLines(said, 8)}`, adviceFor(said));
}

/**
 * @param {string} said what apt-get or sudo said when it failed
 * @returns {string} what to do about it
 */
export function adviceFor(said) {
  if (isAboutLock(said))
    return 'Another package installation is at work: wait for its end, then run the same command again.';
  if (/No space left|enough free space/.test(said))
    return 'The disk is full: free some space and run the same command again.';
  if (isSudoRefusing(said))
    return 'sudo does not let this user install: ask for those packages, then run the same command again.';
  if (
    /Could not resolve|Temporary failure|Could not connect|Connection (timed out|refused)|Unable to (connect|fetch)/.test(
      said,
    )
  )
    return 'The Debian mirror of this machine (/etc/apt) cannot be reached: see to the network, then run the same command again.';
  return 'Mend that, then run the same command again.';
}

/** @param {string} said @returns {boolean} */
function isSudoRefusing(said) {
  return /sudoers|password is required|a terminal is required|incorrect password|not allowed to execute/i.test(said);
}

/** @param {string} said @returns {boolean} */
function isAboutLock(said) {
  return /Could not get lock|lock was locked by another process/.test(said);
}

/**
 * Runs apt-get; waits while another one holds its locks, which `apt-get update` itself would not do.
 * @param {string[]} args @returns {Promise<{ ok: boolean, said: string }>}
 */
async function aptGet(args) {
  const command = ['apt-get', '-qq', ...args];
  const asRoot = process.getuid?.() === 0;
  const [program = '', ...rest] = asRoot ? command : ['sudo', 'DEBIAN_FRONTEND=noninteractive', ...command];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const endMs = Date.now() + WAIT_FOR_ANOTHER_APT_MS;
  for (let told = false; ; told = true) {
    const result = await runCommand(program, rest, { env, stdin: 'inherit' });
    if (result.ok || !isAboutLock(result.said) || Date.now() > endMs) return result;
    if (!told) console.log(`  …  another apt is at work; waiting for it: ${lastLines(result.said, 2).split('\n')[0]}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
