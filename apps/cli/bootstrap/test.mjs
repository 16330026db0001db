// @ts-check
/**
 * Runs the tests of one kind, or of all, and ends with exactly one line: `N passed, N failed, N skipped`.
 * A kind is a folder; a lint step counts as one test. Exit status 1 when a test failed or none ran.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { projectFolder } from './project.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const CORES = availableParallelism();
/**
 * Each kind's folders, and how many of its files run at a time: those that compute, one for each core; those that start
 * processes, two; those of chaos measure, besides, how long things take.
 */
const SUITES = {
  unit: { folders: ['apps', 'libs'], workers: CORES },
  vectors: { folders: ['test/vectors'], workers: CORES },
  e2e: { folders: ['test/e2e'], workers: 2 },
  attack: { folders: ['test/attack'], workers: 2 },
  chaos: { folders: ['test/chaos'], workers: 1 },
};
const LINT_STEPS = {
  formatting: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
  rules: ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings', '0'],
  types: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'],
};

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** @param {string} wanted a kind, or `all` @param {string[]} options passed on to Jest @returns {Promise<Counts>} */
async function runKind(wanted, options) {
  /** @type {Counts[]} */ const counts = [];
  const kinds = {
    lint,
    ...Object.fromEntries(Object.entries(SUITES).map(([kind, suite]) => [kind, () => runSuite(kind, suite, options)])),
  };
  for (const [kind, run] of Object.entries(kinds)) {
    if (wanted !== kind && wanted !== 'all') continue;
    const startedAtMs = performance.now();
    counts.push(await run());
    console.log(`${kind}: ${((performance.now() - startedAtMs) / 1000).toFixed(0)} s`);
  }
  return counts.reduce(sum, { passed: 0, failed: 0, skipped: 0 });
}

/** @returns {Promise<Counts>} the three steps, side by side */
async function lint() {
  const results = await Promise.all(
    Object.entries(LINT_STEPS).map(async ([name, args]) => {
      const { status, output } = await node(args, { capture: true });
      console.log(`${status === 0 ? 'PASS' : 'FAIL'} lint: ${name}${status === 0 ? '' : `\n${output}`}`);
      return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
    }),
  );
  return results.reduce(sum);
}

/**
 * @param {string} kind @param {{ folders: string[], workers: number }} suite @param {string[]} options
 * @returns {Promise<Counts>}
 */
async function runSuite(kind, { folders, workers }, options) {
  const present = folders.filter((folder) => existsSync(join(projectFolder, folder)));
  if (present.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  console.log(`\n${kind}`);
  const scratch = mkdtempSync(join(tmpdir(), 'bulkhead-test-'));
  const outputFile = join(scratch, 'results.json');
  try {
    const roots = present.flatMap((folder) => ['--roots', join(projectFolder, folder)]);
    const report = ['--json', '--outputFile', outputFile, '--passWithNoTests', `--maxWorkers=${workers}`];
    // --roots takes every word up to the next option, so the caller's file names come first
    const { status } = await node(['node_modules/jest/bin/jest.js', ...options, ...roots, ...report], {
      capture: false,
    });
    return countsOf(existsSync(outputFile) ? JSON.parse(readFileSync(outputFile, 'utf8')) : undefined, status);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * @param {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *           numRuntimeErrorTestSuites: number } | undefined} results what Jest wrote, if it came so far
 * @param {number} status Jest's exit status
 * @returns {Counts} a file that could not be run counts as one failed test, and so does a Jest that failed otherwise
 */
export function countsOf(results, status) {
  if (!results) return { passed: 0, failed: 1, skipped: 0 };
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  return {
    passed: results.numPassedTests,
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/**
 * @param {string[]} args @param {{ capture: boolean }} how
 * @returns {Promise<{ status: number, output: string }>}
 */
function node(args, { capture }) {
  const child = spawn(process.execPath, args, {
    cwd: projectFolder,
    // Jest prints its report to the error stream and the JSON, unwanted here, to the other one
    stdio: capture ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning' },
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      running.delete(child);
      resolve({ status: code ?? 1, output });
    });
  });
}

/** @param {Counts} a @param {Counts} b @returns {Counts} */
function sum(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

if (import.meta.filename === process.argv[1]) {
  const [kind = 'all', ...options] = process.argv.slice(2);
  if (!['all', 'lint', ...Object.keys(SUITES)].includes(kind)) {
    console.error(`unknown kind of test: ${kind} (lint, ${Object.keys(SUITES).join(', ')})`);
    process.exit(2);
  }
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      for (const child of running) child.kill(signal);
      process.exit(130);
    });
  }
  const states = mkdtempSync(join(tmpdir(), 'bulkhead-states-'));
  chmodSync(states, 0o711); // passable: the database server runs as another user
  // for the tests of this run: test/support/prepared-state.ts
  process.env.BULKHEAD_TEST_STATES = states;
  process.on('exit', () => {
    rmSync(states, { recursive: true, force: true });
  });
  const { passed, failed, skipped } = await runKind(kind, options);
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
