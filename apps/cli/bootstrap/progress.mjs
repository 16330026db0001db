// @ts-check
import { performance } from 'node:perf_hooks';

/**
 * Runs one step of the set-up and shows it: a line when it begins to take long, a line with its duration when done.
 * @template T
 * @param {string} name what the step sees to
 * @param {() => T} work
 * @param {{ slow?: string, outcome?: (result: T) => string }} [say] `slow` is shown before a step that takes long
 * @returns {T}
 */
export function step(name, work, say = {}) {
  const startedAtMs = performance.now();
  if (say.slow) console.log(`  …  ${name}: ${say.slow}`);
  const result = work();
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  console.log(`  ok ${name.padEnd(14)} ${(say.outcome?.(result) ?? '').padEnd(52)} ${seconds.padStart(5)} s`);
  return result;
}
