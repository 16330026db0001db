import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { orThrow } from '@bulkhead/intent';
import { openKeyStore, type KeyStore } from '@bulkhead/keys';
import type { Stack } from '../stack/index.js';
import { perSecond, type Figure, type Run } from './figures.js';
import { inParallel } from './in-parallel.js';
import type { RawTokens } from './raw-tokens.js';

export const KEY_FIGURES = ['keys.sign.vs_bare', 'keys.sign.two_workers', 'keys.sign.memory'] as const;
export type KeyFigure = (typeof KEY_FIGURES)[number];

const RUNS = 5;
const MEASURE_MS = 1_500;
/** Requests that wait for the token at once, as those of a busy signer do. */
const CONCURRENCY = 16;
const KEY = 'bench/key-port';
const WARM_UP = 500;
/** Until the memory is what it stays at: V8 lets the garbage of the host's two heaps grow to their bounds first. */
const SETTLED_AFTER = 70_000;
const MEMORY_SIGNATURES = 100_000;

/** The signer's key port on the first signer's own token: queue, module host, verification and all. */
export class KeyBench {
  constructor(
    private readonly stack: Stack,
    private readonly tokens: RawTokens,
    private readonly say: (line: string) => void,
  ) {}

  measure(name: KeyFigure): Promise<Figure> {
    switch (name) {
      case 'keys.sign.vs_bare':
        return this.againstBare(name);
      case 'keys.sign.two_workers':
        return this.twoWorkers(name);
      case 'keys.sign.memory':
        return this.memory(name);
    }
  }

  /** Each run stands between two of the bare loop. */
  private async againstBare(name: KeyFigure): Promise<Figure> {
    const store = await this.open(1);
    const runs: Run[] = [];
    let before = await this.tokens.one(MEASURE_MS);
    for (let run = 1; run <= RUNS; run += 1) {
      const ours = await rateOf(store);
      const after = await this.tokens.one(MEASURE_MS);
      runs.push({ ours, against: (before + after) / 2 });
      before = after;
      this.say(`${name}: run ${run} of ${RUNS}: ${ours.toFixed(0)} of ${after.toFixed(0)} signatures/s`);
    }
    await store.close();
    return { name, unit: 'signatures/s', runs };
  }

  private async twoWorkers(name: KeyFigure): Promise<Figure> {
    const one = await this.open(1);
    const two = await this.open(2);
    const runs: Run[] = [];
    for (let run = 1; run <= RUNS; run += 1) {
      const measured = { against: await rateOf(one), ours: await rateOf(two) };
      runs.push(measured);
      const { against, ours } = measured;
      this.say(`${name}: run ${run} of ${RUNS}: one worker ${against.toFixed(0)}, two ${ours.toFixed(0)} signatures/s`);
    }
    await Promise.all([one.close(), two.close()]);
    return { name, unit: 'signatures/s', runs };
  }

  /** Memory that key store and module host hold after as many signatures, against what it settled at. */
  private async memory(name: KeyFigure): Promise<Figure> {
    const store = await this.open(1);
    await signMany(store, SETTLED_AFTER);
    const against = heldMb(store);
    await signMany(store, MEMORY_SIGNATURES);
    const ours = heldMb(store);
    this.say(`${name}: ${against.toFixed(0)} MB, after ${MEMORY_SIGNATURES} signatures ${ours.toFixed(0)} MB`);
    await store.close();
    return { name, unit: 'MB', runs: [{ ours, against }] };
  }

  private async open(workers: number): Promise<KeyStore> {
    const { profile, label, pinFile, configFile } = this.stack.tokens['signer-a'];
    const env = { SOFTHSM2_CONF: configFile };
    const store = await openKeyStore({ profile, tokenLabel: label, pinFile, env, workers, requestTimeoutMs: 30_000 });
    orThrow(await store.generateKey(KEY));
    await signMany(store, WARM_UP);
    return store;
  }
}

async function rateOf(store: KeyStore): Promise<number> {
  const startedMs = performance.now();
  let signatures = 0;
  await inParallel(Array.from({ length: CONCURRENCY }), CONCURRENCY, async () => {
    while (performance.now() - startedMs < MEASURE_MS) {
      orThrow(await store.signDigest(KEY, randomBytes(32)));
      signatures += 1;
    }
  });
  return perSecond(signatures, performance.now() - startedMs);
}

async function signMany(store: KeyStore, count: number): Promise<void> {
  await inParallel(Array.from({ length: CONCURRENCY }), CONCURRENCY, async (_, worker) => {
    for (let done = worker; done < count; done += CONCURRENCY) orThrow(await store.signDigest(KEY, randomBytes(32)));
  });
}

/**
 * What both hold on to: resident memory of the module host (VmRSS, proc(5)), where foreign code allocates, and the live
 * heap of the key store's process after a collection, since a busy heap grows into what room it is given.
 */
function heldMb(store: KeyStore): number {
  const pid = store.health().hostPid;
  const [, resident = 'none'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return Number.parseInt(resident, 10) / 1_024 + (heapUsed + external) / 1_048_576;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
