// @ts-check
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Failure } from './failure.mjs';
import { lockHolder } from './lock.mjs';
import { stateFolder } from './project.mjs';

/**
 * Wipes the state of this clone's stack: chains, databases, tokens with their keys. Asks first.
 * @param {string[]} options `--yes` does not ask; `--all` takes the fetched bitcoind too
 */
export async function reset(options) {
  const unknown = options.find((option) => !['--yes', '--all'].includes(option));
  if (unknown) throw new Failure(`reset does not know ${unknown}.`, 'It takes --yes and --all.');
  for (const [lock, what, advice] of [
    ['launcher.lock', 'The stack is running', 'Stop it first: npm run down'],
    ['bootstrap.lock', 'A set-up of this clone is at work', 'Wait for it, or end it'],
  ]) {
    const holder = lockHolder(join(stateFolder, String(lock)));
    if (holder) throw new Failure(`${what} (process ${holder.pid}).`, advice);
  }
  const kept = options.includes('--all') ? [] : ['bitcoin-dist'];
  const doomed = existsSync(stateFolder) ? readdirSync(stateFolder).filter((name) => !kept.includes(name)) : [];
  if (doomed.length === 0) return console.log('Nothing to wipe.');
  console.log(`This wipes ${stateFolder}: ${doomed.join(', ')}.`);
  console.log('Chains, databases, tokens and every key in them are gone for good.');
  if (!options.includes('--yes') && !(await confirmed())) return console.log('Nothing was wiped.');
  for (const name of doomed) rmSync(join(stateFolder, name), { recursive: true, force: true });
  console.log('Wiped. `npm run up` starts afresh.');
}

/** @returns {Promise<boolean>} */
async function confirmed() {
  if (!process.stdin.isTTY)
    throw new Failure('There is no terminal to ask on.', 'Say it beforehand: npm run reset -- --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question('Type "yes" to wipe it: ');
  terminal.close();
  return answer.trim() === 'yes';
}
