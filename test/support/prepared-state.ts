import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { takeLock } from '#bootstrap/lock.mjs';
import { startStack } from '../../apps/cli/src/stack/index.js';

const LOOK_EVERY_MS = 100;

/** Where the states of this run of all tests are kept (bootstrap/test.mjs); undefined when a file is run by itself. */
const states = process.env.BULKHEAD_TEST_STATES;

/** How far a state is prepared: the parts have run once; so have the apps, on their genesis; the story's scene is set. */
const STAGES = ['parts', 'firm', 'scene'] as const;
export type Stage = (typeof STAGES)[number];

/**
 * A state folder of its own for a test, with what every test at this stage would make first, and waits for, in the same
 * way: a database cluster, coins, contracts, tokens, keys. The first test of a run makes it, on the stage before it if
 * another has made that, and each gets a copy. Whatever starts on it makes what is not there, so a file that is run by
 * itself gets an empty folder.
 *
 * @param name of the folder, for whoever looks into /tmp
 * @param make starts on a folder, brings it to the stage and stops again
 */
export async function preparedState(
  name: string,
  stage: Stage,
  make: (root: string) => Promise<void>,
): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), `bulkhead-${name}-`));
  if (states === undefined) return root;
  const prepared = join(states, stage);
  const before = STAGES.slice(0, STAGES.indexOf(stage)).map((earlier) => join(states, earlier));
  await untilMade(prepared, before, make);
  await copy(prepared, root);
  return root;
}

/** With owners and modes: the database server does not run as root. */
async function copy(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['--archive', '--reflink=auto', `${from}/.`, to]);
}

/** Whoever comes while it is being made waits. One that a failed start left is made again. */
async function untilMade(
  prepared: string,
  before: readonly string[],
  make: (root: string) => Promise<void>,
): Promise<void> {
  while (!existsSync(prepared)) {
    const lock = takeLock(`${prepared}.lock`);
    if (!lock.taken) {
      await sleep(LOOK_EVERY_MS);
      continue;
    }
    try {
      if (!existsSync(prepared)) await makeOnce(prepared, before, make);
    } finally {
      lock.release();
    }
  }
}

async function makeOnce(
  prepared: string,
  before: readonly string[],
  make: (root: string) => Promise<void>,
): Promise<void> {
  const draft = `${prepared}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o711 });
  const latest = before.findLast((state) => existsSync(state));
  if (latest !== undefined) await copy(latest, draft);
  await make(draft);
  rmSync(join(draft, 'logs'), { recursive: true, force: true }); // of no test
  // tests kill processes, never the machine: what the system has taken over is as good as on the disk
  if (latest === undefined) appendFileSync(join(draft, 'postgres', 'postgresql.auto.conf'), 'fsync = off\n');
  renameSync(draft, prepared);
}

/** {@link preparedState} of the bare parts, for tests that start a few of them. */
export const preparedParts = (name: string): Promise<string> =>
  preparedState(name, 'parts', async (root) => (await startStack({ root })).stop());
