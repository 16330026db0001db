import { createPrivateKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from '../../apps/cli/src/stack/index.js';

export interface Secret {
  /** Where it lies. */
  readonly file: string;
  readonly text: string;
}

const SHORTEST = 10;

/** Every secret of a stack, read from its files, in each form in which it could leak. */
export function secretsOf({ layout, tokens }: Stack): Secret[] {
  const read = (file: string): string => readFileSync(file, 'utf8').trim();
  const inFolder = (folder: string, ending: string): string[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith(ending))
      .map((name) => join(folder, name));
  const secrets = [
    ...Object.values(tokens).map(({ pinFile }) => pinFile),
    ...Object.values(tokens).map(({ label }) => join(layout.token(label), 'so-pin')),
    ...inFolder(layout.members, '.token'),
    ...inFolder(layout.config, '.database-url'),
    ...readdirSync(join(layout.root, 'secrets')).map((name) => join(layout.root, 'secrets', name)),
  ].map((file) => ({ file, text: passwordOf(read(file)) }));
  const keys = [...inFolder(layout.members, '.pem'), ...inFolder(layout.tls, '.key.pem')].flatMap((file) =>
    formsOfKey(file, read(file)),
  );
  const all = [...secrets, ...keys];
  const weak = all.find(({ text }) => text.length < SHORTEST);
  if (weak) throw new Error(`${weak.file} is too short to look for`);
  return all;
}

/** The password of `user:password` and of a URL, the whole of anything else. */
function passwordOf(text: string): string {
  if (text.includes('://')) return decodeURIComponent(new URL(text).password);
  return text.slice(text.indexOf(':') + 1);
}

/** The secret scalar of a P-256 key as hex and base64url, and the lines of its file. */
function formsOfKey(file: string, pem: string): Secret[] {
  const { d } = createPrivateKey(pem).export({ format: 'jwk' });
  if (d === undefined) throw new Error(`${file} is no private key`);
  // the first line of every P-256 key in PKCS #8 begins alike; its end, and the other lines, do not
  const lines = pem.split('\n').filter((line) => !line.startsWith('-----') && line.length > SHORTEST);
  return [d, Buffer.from(d, 'base64url').toString('hex'), ...lines].map((text) => ({ file, text }));
}

/** A process as anybody on the machine could see it. */
export interface VisibleProcess {
  readonly pid: number;
  readonly commandLine: string;
  readonly environment: string;
}

/** Every process that has come of this one: the stack's parts, and their children. */
export function childProcesses(): VisibleProcess[] {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), parentOf(Number(name))]),
  );
  const isOurs = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === process.pid || isOurs(parent));
  };
  return [...parents.keys()].filter(isOurs).flatMap((pid) => {
    if (!existsSync(`/proc/${pid}`)) return [];
    return { pid, commandLine: readProc(pid, 'cmdline'), environment: readProc(pid, 'environ') };
  });
}

function parentOf(pid: number): number | undefined {
  // the name, in parentheses, may hold anything; the parent is the second field after it
  const [, parent] = readProc(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  return parent === undefined ? undefined : Number(parent);
}

/** Empty for a process that has just ended. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
