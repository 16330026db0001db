import { ApiClient } from '../api/api-client.js';
import { CustodyClient } from '../api/custody-client.js';
import { orchestratorUrl } from '../bulkhead.js';
import { readGenesis } from '../setup/genesis.js';
import type { Stack } from '../stack/index.js';
import { Cast } from './cast.js';
import { ending } from './ending.js';
import { deposits, payouts } from './money.js';
import { Narrator, type StoryLine } from './narrator.js';
import { refusals } from './refusals.js';
import { setTheScene } from './scene.js';

export interface StoryResult {
  readonly lines: readonly StoryLine[];
  readonly ok: boolean;
}

/** Plays the whole story on a running stack whose charter has nothing but its genesis. */
export async function playStory(stack: Stack, print: (line: string) => void): Promise<StoryResult> {
  const narrator = new Narrator(print);
  try {
    const cast = castOf(stack);
    const scene = await setTheScene(cast, narrator);
    await deposits(cast, narrator, scene);
    await payouts(cast, narrator, scene);
    await refusals(cast, narrator, scene);
    await ending(cast, narrator);
  } catch (error) {
    print(`\nThe story ended early: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return { lines: narrator.lines, ok: false };
  }
  return { lines: narrator.lines, ok: narrator.allOk };
}

/** The development firm's members on this stack, ready to act. */
export function castOf(stack: Stack): Cast {
  const { act } = readGenesis(stack.layout.genesis).intent;
  if (act.kind !== 'genesis') throw new Error('the genesis file holds another entry');
  return new Cast(stack, new CustodyClient(new ApiClient(orchestratorUrl(stack))), act.safeContracts);
}
