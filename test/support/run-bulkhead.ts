import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectFolder } from '#bootstrap/project.mjs';

const main = join(projectFolder, 'dist/apps/cli/main.js');
const run = promisify(execFile);

export interface Ran {
  readonly status: number;
  readonly output: string;
}

/** `bulkhead ...` as an operator runs it: a process of its own that knows nothing but its arguments. */
export const bulkhead = (...args: readonly string[]): Promise<Ran> => bulkheadWith({}, ...args);

/** The same, where the module reads some variables of its own. */
export async function bulkheadWith(
  variables: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Ran> {
  try {
    const env = { PATH: process.env.PATH, ...variables };
    const { stdout, stderr } = await run(process.execPath, [main, ...args], { env });
    return { status: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, output: stdout + stderr };
  }
}

/** The same, still running: to be killed, or talked to. */
export const startBulkheadCommand = (args: readonly string[], stdio: 'ignore' | 'pipe' = 'ignore'): ChildProcess =>
  spawn(process.execPath, [main, ...args], { env: { PATH: process.env.PATH }, stdio });

/** The same at a terminal of its own: what is written to its standard input is typed there. */
export const startBulkheadAtTerminal = (args: readonly string[]): ChildProcess =>
  spawn('script', ['-qefc', [process.execPath, main, ...args].map(quoted).join(' '), '/dev/null'], {
    env: { PATH: process.env.PATH, SHELL: '/bin/sh' },
    stdio: 'pipe',
  });

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
