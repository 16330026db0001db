import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Pkcs11Profile } from './profile.js';

/** A host holds little: its garbage is collected early rather than let grow. */
const SMALL_YOUNG_GENERATION = ['--max-semi-space-size=2'];

/** The first descriptor that a host inherits beyond stdin, stdout, stderr and its channel. */
export const FIRST_INHERITED_DESCRIPTOR = 4;

/** The programs of this lib that load a PKCS#11 module, each in a process of its own. */
export type HostEntry = 'host/module-host' | 'host/token-init' | 'probe/probe-child';

/**
 * The compiled file of a host entry. Compiled code has it beside itself; what was bundled into a program, and what runs
 * from its TypeScript source (Jest), takes the one that `npm run build` put in dist/.
 */
export function hostEntryFile(name: HostEntry): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const beside = join(here, `${name}.js`);
  if (existsSync(beside)) return beside;
  const root = here.slice(0, Math.max(...['dist', 'libs'].map((folder) => here.lastIndexOf(`${sep}${folder}${sep}`))));
  const built = join(root, 'dist', 'libs', 'keys', 'src', `${name}.js`);
  if (existsSync(built)) return built;
  throw new Error(`${built} is missing: run "npm run build" first`);
}

/** What a host's environment holds: the variables its module reads, and PATH. Throws when one is not given. */
export function hostEnvironment(
  profile: Pkcs11Profile,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment: Record<string, string> = { PATH: process.env['PATH'] ?? '/usr/bin:/bin' };
  for (const name of profile.environment) {
    const value = given[name];
    if (value === undefined) throw new Error(`the PKCS#11 module of ${profile.name} needs ${name} to be given`);
    environment[name] = value;
  }
  return environment;
}

/**
 * Starts a host: a child process that alone loads the PKCS#11 module, so that a crash, a block or a memory error of
 * foreign code stays there. It inherits the given descriptors from {@link FIRST_INHERITED_DESCRIPTOR} on, and nothing
 * else: no arguments, no other environment, no Node options but one of ours. Above all not the terminal: a Node process
 * that ends sets every terminal among its descriptors back to how it found it, so a host that ends while somebody types a
 * passphrase would switch the echo on again.
 */
export function forkHost(
  entry: string,
  environment: Readonly<Record<string, string>>,
  descriptors: readonly number[],
): ChildProcess {
  const host = fork(entry, [], {
    env: { ...environment },
    execArgv: SMALL_YOUNG_GENERATION,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', ...descriptors],
  });
  host.stderr?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
  return host;
}
