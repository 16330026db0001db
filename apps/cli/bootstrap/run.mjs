#!/usr/bin/env node
// @ts-check
/**
 * The entry of every npm script: prepares this clone, then runs the command on the project's own Node.
 * It needs nothing but Node 20.19 and runs before any `npm ci`.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectNode } from './build.mjs';
import { down } from './down.mjs';
import { Failure } from './failure.mjs';
import { prepare } from './prepare.mjs';
import { projectFolder } from './project.mjs';
import { reset } from './reset.mjs';

const HELP = `usage: npm run <command> [-- options]

  up         install what is missing, start the whole stack, stay up until Ctrl-C or \`npm run down\`
  down       stop the stack that \`up\` started
  reset      wipe its state (asks first; --yes does not ask; --all takes the fetched bitcoind too)
  demo       play the story on a stack of its own in a temporary folder, then exit
  reconcile  compare the register with both chains
  bench      measure signatures per second, raw and through the whole path
  test       all tests; or one kind: lint, unit, vectors, e2e, attack, chaos  (npm run test:<kind>)

  npm run <command> -- --help  tells more of a command.

usage: npx bulkhead <command> [options]

  operators   balances, transfers, propose, approve, reject, destinations, destination, freeze, unfreeze, incidents, reconcile
  governance  charter, policy, decisions, door
  keys        keys, mpc, rotate, hsm, ceremony, member-key
  disasters   kit, recover, drill
  auditors    verify

  npx bulkhead <command> --help  tells more of a command.
  They work on the stack that runs here; BULKHEAD_FIRM=<file> aims them at a firm elsewhere (docs/operations.md).
`;

/**
 * @param {string[]} args arguments of the project's Node
 * @returns {Promise<number>} its exit status, 128 and more when a signal ended it
 */
function runOnProjectNode(args) {
  const child = spawn(projectNode(), args, { cwd: projectFolder, stdio: 'inherit' });
  // a terminal's Ctrl-C reaches the child by itself; it takes a second one as the same wish
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/** @param {string[]} argv @returns {Promise<number>} exit status */
async function main([command, ...options]) {
  if (command === undefined || command === '--help' || command === 'help') {
    console.log(HELP);
    return command === undefined ? 1 : 0;
  }
  const help = options.includes('--help') || options.includes('-h');
  if (help && ['down', 'reset', 'test'].includes(command)) {
    console.log(HELP);
    return 0;
  }
  if (command === 'reset' || command === 'down') {
    await (command === 'down' ? down() : reset(options));
    return 0;
  }
  // whoever asks for JSON gets nothing else on the standard output
  if (options.includes('--json')) console.log = console.error;
  console.log(`bulkhead ${command}`);
  await prepare({ forTests: command === 'test' });
  const program = command === 'test' ? 'apps/cli/bootstrap/test.mjs' : 'dist/apps/cli/main.js';
  const args = command === 'test' ? options : [command, ...options];
  return runOnProjectNode(['--disable-warning=ExperimentalWarning', join(projectFolder, program), ...args]);
}

main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error) => {
    const full = error?.code === 'ENOSPC';
    const shown = full ? new Failure('The disk is full.', 'Free some space and run the same command again.') : error;
    console.error(shown instanceof Failure ? `\n${shown.message}` : shown);
    process.exitCode = 1;
  },
);
