import { stateFolder } from '#bootstrap/project.mjs';
import { ApiClient } from './api/api-client.js';
import { orchestratorUrl, startBulkhead } from './bulkhead.js';
import { developmentDevice } from './members/development-members.js';
import { choosePorts, DEFAULT_PORTS, startChainClock, startStack, type PortName, type Stack } from './stack/index.js';
import { playStory } from './story/story.js';

const CLOCK_MS = 500;

/**
 * Starts the stack of this clone and stays until it is asked to end (Ctrl-C, `npm run down`, a closed terminal). A firm
 * without clients, as after the first start, is given some by the story.
 * @param portOptions ports as typed, by part
 */
export async function up(portOptions: Partial<Record<PortName, string>>): Promise<void> {
  const startedAtMs = performance.now();
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
    await startBulkhead(stack, { spare: true });
    const clock = startChainClock({
      bitcoinRpc: stack.bitcoind.rpc,
      ethereumUrl: stack.anvil.url,
      intervalMs: CLOCK_MS,
      log: say,
    });
    console.log(`Ready after ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s.`);
    if (await hasNoOwners(stack)) await Promise.race([firstStory(stack), ended]);
    printWhatRuns(stack);
    await ended;
    console.log('\nStopping; nothing is lost.');
    await clock.stop();
  } finally {
    await stack.stop();
  }
}

/** So that there is something to see. It is played once: its entries stay in the charter. */
async function firstStory(stack: Stack): Promise<void> {
  console.log('\nThe first start: the story is played, so that there is something to see.');
  const story = await playStory(stack, (line) => {
    console.log(line);
  });
  const good = story.lines.filter((line) => line.ok).length;
  console.log(`\n${good} of ${story.lines.length} lines came out as they must.`);
  if (!story.ok) console.log('Something did not: see the logs below; `npm run reset` starts afresh.');
}

async function hasNoOwners(stack: Stack): Promise<boolean> {
  const { apiToken } = developmentDevice(stack.layout.members, 'olivia');
  const owners = await new ApiClient(orchestratorUrl(stack)).get<unknown[]>('/v1/owners', apiToken);
  return owners.length === 0;
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
  const url = orchestratorUrl(stack);
  console.log(`
API:       ${url}/docs      (the document: ${url}/openapi.json)
Tokens:    ${stack.layout.members}/<member>.token      (olivia, omar, oskar: operators; carla: compliance)

Try next, in another terminal:
  npx bulkhead balances                         what every client holds
  npx bulkhead transfers                        every transfer and its state
  npx bulkhead propose --help                   propose a payout, then: npx bulkhead approve <id> --as omar
  npm run reconcile                             compare the register with both chains

Stop it with Ctrl-C here, or \`npm run down\` elsewhere. State is kept; \`npm run reset\` wipes it.`);
}
