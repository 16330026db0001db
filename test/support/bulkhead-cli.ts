import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectFolder } from '#bootstrap/project.mjs';

export interface CliAnswer {
  readonly status: number | null;
  readonly output: string;
  readonly error: string;
}

/** Runs `bulkhead <arguments>` as a person would, on the stack in a state folder. */
export function bulkheadCli(stateFolder: string, ...typed: readonly string[]): Promise<CliAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(projectFolder, 'dist/apps/cli/main.js'), ...typed], {
      env: { ...process.env, BULKHEAD_STATE: stateFolder, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let error = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
    child.once('error', reject);
    child.once('close', (status) => {
      resolve({ status, output, error });
    });
  });
}
