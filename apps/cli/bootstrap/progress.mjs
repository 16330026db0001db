// @ts-check
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';

const STILL_AT_IT_EVERY_MS = 15_000;

/**
 * Runs one step of the set-up and shows it: a line when it begins if it takes long, a sign of life now and then, a line
 * with its duration when done.
 * @template T
 * @param {string} name what the step sees to
 * @param {() => T | Promise<T>} work
 * @param {{ slow?: string, outcome?: (result: T) => string }} [say] `slow` is shown before a step that takes long
 * @returns {Promise<T>}
 */
export async function step(name, work, say = {}) {
  const startedAtMs = performance.now();
  const seconds = () => (performance.now() - startedAtMs) / 1000;
  if (say.slow) console.log(`  …  ${name}: ${say.slow}`);
  const life = setInterval(() => console.log(`  …  ${name}: ${seconds().toFixed(0)} s`), STILL_AT_IT_EVERY_MS);
  try {
    const result = await work();
    const outcome = say.outcome?.(result) ?? '';
    console.log(`  ok ${name.padEnd(15)} ${outcome.padEnd(52)} ${seconds().toFixed(1).padStart(6)} s`);
    return result;
  } finally {
    clearInterval(life);
  }
}
