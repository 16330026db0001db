// @ts-check
import { join } from 'node:path';
import { Failure } from './failure.mjs';
import { lockHolder } from './lock.mjs';
import { stillRuns } from './process-identity.mjs';
import { stateFolder } from './project.mjs';

const WAIT_MS = 60_000;

/** Asks the stack of this clone to end and waits until it has. It needs nothing installed. */
export async function down() {
  const launcher = lockHolder(join(stateFolder, 'launcher.lock'));
  if (!launcher) return console.log('Nothing is running.');
  process.kill(launcher.pid, 'SIGTERM');
  for (const endMs = Date.now() + WAIT_MS; Date.now() < endMs;) {
    if (!stillRuns(launcher)) return console.log('Stopped.');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Failure(
    `The stack (process ${launcher.pid}) did not end within ${WAIT_MS / 1000} s.`,
    `See ${join(stateFolder, 'logs')}; \`kill -9 ${launcher.pid}\` ends it hard, and the next start heals what that leaves.`,
  );
}
