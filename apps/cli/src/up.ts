import { stateFolder } from '#bootstrap/project.mjs';
import { startBulkhead } from './bulkhead.js';
import { choosePorts, DEFAULT_PORTS, startChainClock, startStack, type PartName, type Stack } from './stack/index.js';

/**
 * Starts the stack of this clone and stays until it is asked to end (Ctrl-C, `npm run down`, a closed terminal).
 * @param portOptions ports as typed, by part
 */
export async function up(portOptions: Partial<Record<PartName, string>>): Promise<void> {
  const ports = choosePorts(DEFAULT_PORTS, process.env, portOptions);
  const ended = endRequested();
  const say = (line: string): void => {
    console.log(`  ${line}`);
  };
  const stack = await startStack({
    root: stateFolder,
    ports,
    databaseUrl: process.env.DATABASE_URL || undefined,
    log: say,
  });
  try {
    await startBulkhead(stack);
    const clock = startChainClock({
      bitcoinRpc: stack.bitcoind.rpc,
      ethereumUrl: stack.anvil.url,
      intervalMs: 1000,
      log: say,
    });
    printWhatRuns(stack);
    await ended;
    console.log('\nStopping; nothing is lost.');
    await clock.stop();
  } finally {
    await stack.stop();
  }
}

/** Resolves at the first request to end; a second one changes nothing, since a clean stop is on its way. */
function endRequested(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        resolve();
      });
    }
  });
}

function printWhatRuns(stack: Stack): void {
  console.log('\nRunning:');
  for (const part of Object.values(stack.parts)) {
    console.log(`  ${part.name.padEnd(13)} 127.0.0.1:${part.port}   process ${part.pid ?? '?'}   log ${part.logFile}`);
  }
  console.log('\nStop it with Ctrl-C here, or `npm run down` elsewhere. State is kept; `npm run reset` wipes it.');
}
