import { setTimeout as sleep } from 'node:timers/promises';
import { lockHolder } from '#bootstrap/lock.mjs';
import { stillRuns } from '#bootstrap/process-identity.mjs';
import { stateFolder } from '#bootstrap/project.mjs';
import { Failure, layoutOf } from './stack/index.js';

const WAIT_MS = 60_000;

/** Asks the stack of this clone to end and waits until it has. */
export async function down(): Promise<void> {
  const launcher = lockHolder(layoutOf(stateFolder).launcherLock);
  if (!launcher) {
    console.log('Nothing is running.');
    return;
  }
  process.kill(launcher.pid, 'SIGTERM');
  for (const endMs = Date.now() + WAIT_MS; Date.now() < endMs;) {
    if (!stillRuns(launcher)) {
      console.log('Stopped.');
      return;
    }
    await sleep(50);
  }
  throw new Failure(
    `The stack (process ${launcher.pid}) did not end within ${WAIT_MS / 1000} s.`,
    `See ${layoutOf(stateFolder).logs}; \`kill -9 ${launcher.pid}\` ends it hard, and the next start heals what that leaves.`,
  );
}
