import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 100;

/**
 * Looks until there is something to see.
 * @throws Error naming what did not come in time
 */
export async function until<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
  for (const end = Date.now() + timeoutMs; ;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > end) throw new Error(`${what} did not come within ${timeoutMs / 1000} s`);
    await sleep(LOOK_EVERY_MS);
  }
}
