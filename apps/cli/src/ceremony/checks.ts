import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '#bootstrap/project.mjs';
import { once } from 'node:events';
import type { Pkcs11Profile } from '@bulkhead/keys';
import { Failure } from '../stack/index.js';
import type { ModuleFacts, ModuleQuestion } from './module-facts-child.js';

const TIMEOUT_MS = 30_000;

/** What runs: the compiled program, what starts it, and the native binding that speaks to PKCS#11 modules. */
const PROGRAM: readonly (readonly [folder: string, ending: string])[] = [
  ['dist/apps', '.js'],
  ['dist/libs', '.js'],
  ['apps/cli/bin', '.mjs'],
  ['apps/cli/bootstrap', '.mjs'],
  ['node_modules/pkcs11js', '.js'],
  ['node_modules/pkcs11js/build/Release', '.node'],
];

/** SHA-256 over the program, file by file in the order of their names. */
export function toolHash(): string {
  const files = PROGRAM.flatMap(([folder, ending]) =>
    readdirSync(join(projectFolder, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => join(folder, name)),
  );
  const hash = createHash('sha256');
  for (const file of files.sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(projectFolder, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

export const fileHash = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** The library that the profile's module host would load. */
export function libraryOf({ libraries, name }: Pkcs11Profile): string {
  const found = libraries.find((file) => existsSync(file));
  if (found === undefined) throw new Failure(`The PKCS#11 library of ${name} is not installed.`, libraries.join('\n'));
  return found;
}

/** What a module says of itself and of its tokens, asked in a process of its own. */
export async function moduleFacts(profile: Pkcs11Profile, env: Readonly<Record<string, string>>): Promise<ModuleFacts> {
  const library = libraryOf(profile);
  const child = fork(join(projectFolder, 'dist/apps/cli/src/ceremony/module-facts-child.js'), [], {
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', ...env },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'], // not the terminal: see forkHost
  });
  child.stderr?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  const answered = once(child, 'message');
  const silent = once(child, 'exit').then(() => undefined);
  child.send({ library, parameters: profile.libraryParameters } satisfies ModuleQuestion);
  const answer = await Promise.race([answered, silent]);
  clearTimeout(timer);
  if (!answer) throw new Failure(`The PKCS#11 module ${library} does not answer.`);
  const [facts] = answer as [ModuleFacts | string];
  if (typeof facts !== 'string') return facts;
  throw new Failure(`The PKCS#11 module ${library} does not start: ${facts}`, 'Look at its configuration.');
}

/** @throws Failure unless what was found is what was announced; nothing announced accepts anything, and says so */
export function expect(what: string, found: string, announced: string | undefined): string {
  if (announced === undefined) return `${found} (nothing announced to compare with)`;
  if (found !== announced) throw new Failure(`${what} is ${found}, and ${announced} was announced.`);
  return `${found} (as announced)`;
}
