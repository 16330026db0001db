import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBulkhead } from './bulkhead.js';
import { startChainClock, startStack } from './stack/index.js';
import { playStory } from './story/story.js';

const CLOCK_MS = 200;

/**
 * Plays the story on a stack of its own in a temporary folder, which goes away when every line came out as it must.
 * @returns whether it did
 */
export async function demo(options: { readonly keep: boolean }): Promise<boolean> {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-demo-'));
  const say = (line: string): void => {
    console.log(`  ${line}`);
  };
  const stack = await startStack({ root, log: say });
  let ok = false;
  try {
    await startBulkhead(stack);
    const clock = startChainClock({
      bitcoinRpc: stack.bitcoind.rpc,
      ethereumUrl: stack.anvil.url,
      intervalMs: CLOCK_MS,
    });
    const startedAtMs = performance.now();
    const story = await playStory(stack, (line) => {
      console.log(line);
    });
    await clock.stop();
    ok = story.ok;
    const good = story.lines.filter((line) => line.ok).length;
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    console.log(`\n${good} of ${story.lines.length} lines came out as they must, in ${seconds} s.`);
  } finally {
    await stack.stop();
    if (ok && !options.keep) rmSync(root, { recursive: true, force: true });
    else console.log(`The state of this run is kept in ${root}`);
  }
  return ok;
}
