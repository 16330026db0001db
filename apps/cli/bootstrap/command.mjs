// @ts-check
import { spawn } from 'node:child_process';

/**
 * Runs a program to its end without holding up anything else.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, stdin?: 'ignore' | 'inherit' }} [options]
 * @returns {Promise<{ ok: boolean, output: string, said: string }>} `output` is its standard output, `said` both its
 *   streams in the order they came; a program that cannot be started says so
 */
export function runCommand(program, args, options = {}) {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    output += text;
    said += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ ok: false, output, said: `${said}${error.message}` }));
    child.once('close', (code) => resolve({ ok: code === 0, output, said }));
  });
}

/** @param {string} said @param {number} lines @returns {string} its last lines */
export function lastLines(said, lines) {
  return said.trim().split('\n').slice(-lines).join('\n');
}
