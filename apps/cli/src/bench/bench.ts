import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBulkhead } from '../bulkhead.js';
import { Failure, startStack, type Stack } from '../stack/index.js';
import type { Cast } from '../story/cast.js';
import { castOf } from '../story/story.js';
import type { TransferWish } from '../api/custody-client.js';
import { measureCharterReplay } from './charter-replay.js';
import { bitcoinWish, etherWish, openBitcoinPayers, openFirm, openSafePayers, type Payer } from './bench-firm.js';
import { jsonLine, perSecond, summarise, table, type Figure, type Run } from './figures.js';
import { measurePolicyDecision } from './policy-decision.js';
import { FROST_FIGURES, FrostBench } from './frost-figures.js';
import { KEY_FIGURES, KeyBench } from './key-figures.js';
import { RawTokens } from './raw-tokens.js';
import { measureSignerCheck } from './signer-check.js';
import { prepareTransfers, signTransfers, settleTransfers } from './transfer-path.js';

/** Measured in this process, without a stack. */
const LOCAL = {
  'charter.replay': measureCharterReplay,
  'policy.decide.10': (say: Say) => measurePolicyDecision(10, say),
  'policy.decide.100': (say: Say) => measurePolicyDecision(100, say),
  'policy.decide.1000': (say: Say) => measurePolicyDecision(1_000, say),
} as const;
type Say = (line: string) => void;
type LocalFigure = keyof typeof LOCAL;
const isLocal = (name: FigureName): name is LocalFigure => Object.hasOwn(LOCAL, name);

/** Measured against bare tokens, without signers. */
const CHECK_FIGURES = ['signer.check.vs_sign', 'signer.check.with_policies.vs_sign'] as const;

export const FIGURES = [
  'sign.three_tokens.vs_one',
  ...CHECK_FIGURES,
  'transfer.btc.vs_sign',
  'transfer.safe.vs_sign',
  ...KEY_FIGURES,
  ...FROST_FIGURES,
  ...(Object.keys(LOCAL) as LocalFigure[]),
] as const;
export type FigureName = (typeof FIGURES)[number];

const UNIT = 'signatures/s';
const RUNS = 5;
/** A slow machine gets fewer runs of a figure: no new pair of them begins after this long. */
const PATIENCE_MS = 40_000;
const RAW_MS = 750;
/** Every wallet of the bench needs two of its three keys. */
const SIGNATURES_PER_TRANSFER = 2;
const BITCOIN_WALLETS_PER_CLIENT = 1;
/** One of each wallet's change addresses goes with each: the charter has 50 of them. */
const TRANSFERS_PER_BITCOIN_WALLET = 8;
const SAFES_PER_CLIENT = 8;

/** What one figure of the whole path is measured with. */
interface Path {
  readonly name: FigureName;
  /** One batch; each run makes new transfers of them. */
  readonly wishes: readonly TransferWish[];
}

/**
 * Measures on a stack of its own in a temporary folder, which goes away. Progress goes to the error output, figures to
 * the standard output: a table, then a line of JSON for each.
 * @param wanted names of figures, or the beginnings of names up to a dot; none means all
 * @throws Failure when there is no such figure
 */
export async function bench(wanted: readonly string[]): Promise<void> {
  const names = chosenFigures(wanted);
  const figures: Figure[] = [];
  for (const name of names.filter(isLocal)) figures.push(await LOCAL[name](say));
  const onStack = names.filter((name) => !isLocal(name));
  if (onStack.length > 0) figures.push(...(await measureOnStack(onStack)));
  const summaries = figures.map(summarise);
  console.log(`\n${table(summaries).join('\n')}\n`);
  for (const summary of summaries) console.log(jsonLine(summary));
}

async function measureOnStack(names: readonly FigureName[]): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'));
  try {
    const stack = await startStack({ root, log: say });
    return await measure(stack, names).finally(() => stack.stop());
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** @throws Failure that names the figures there are */
export function chosenFigures(wanted: readonly string[]): FigureName[] {
  for (const name of wanted) {
    if (!FIGURES.some((figure) => isOf(figure, name))) {
      throw new Failure(`There is no figure "${name}".`, `There are: ${FIGURES.join(', ')}.`);
    }
  }
  return FIGURES.filter((figure) => wanted.length === 0 || wanted.some((name) => isOf(figure, name)));
}

const isOf = (figure: FigureName, name: string): boolean => figure === name || figure.startsWith(`${name}.`);

async function measure(stack: Stack, names: readonly FigureName[]): Promise<Figure[]> {
  const tokens = await RawTokens.open(stack);
  try {
    const figures: Figure[] = [];
    if (names.includes('sign.three_tokens.vs_one')) figures.push(await measureTokens(tokens));
    const checks: readonly FigureName[] = CHECK_FIGURES;
    if (names.some((name) => checks.includes(name))) {
      const measured = await measureSignerCheck(tokens, say);
      figures.push(...measured.filter(({ name }) => names.some((wanted) => wanted === name)));
    }
    const keys = KEY_FIGURES.filter((name) => names.includes(name));
    for (const name of keys) figures.push(await new KeyBench(stack, tokens, say).measure(name));
    const frost = FROST_FIGURES.filter((name) => names.includes(name));
    for (const name of frost) figures.push(new FrostBench(stack).measure(name, say));
    const paths = names.filter((name) => name.startsWith('transfer.'));
    if (paths.length > 0) {
      say('starting the signers and the orchestrator');
      await startBulkhead(stack);
      const cast = castOf(stack);
      say('opening the firm and its clients');
      await openFirm(cast);
      for (const name of paths) figures.push(await measurePath(cast, tokens, await openPath(cast, name)));
    }
    return figures;
  } finally {
    await tokens.close();
  }
}

async function measureTokens(tokens: RawTokens): Promise<Figure> {
  await tokens.all(RAW_MS / 2);
  const runs: Run[] = [];
  for (let run = 1; run <= RUNS; run += 1) {
    const measured = { against: await tokens.one(RAW_MS), ours: await tokens.all(RAW_MS) };
    runs.push(measured);
    say(`sign: run ${run} of ${RUNS}: one token ${rate(measured.against)}, three ${rate(measured.ours)} ${UNIT}`);
  }
  return { name: 'sign.three_tokens.vs_one', unit: UNIT, runs };
}

async function openPath(cast: Cast, name: FigureName): Promise<Path> {
  if (name === 'transfer.btc.vs_sign') {
    say('opening Bitcoin wallets and filling them with coins');
    const coins = TRANSFERS_PER_BITCOIN_WALLET * (RUNS + 1);
    const payers = await openBitcoinPayers(cast, BITCOIN_WALLETS_PER_CLIENT, coins);
    const wish = (payer: Payer): TransferWish => bitcoinWish(cast, payer);
    // wallet after wallet, so that neighbours in the batch are of different wallets
    const wishes = Array.from({ length: TRANSFERS_PER_BITCOIN_WALLET }, () => payers.map(wish)).flat();
    return { name, wishes };
  }
  say('opening Safes, funding and deploying them');
  const payers = await openSafePayers(cast, SAFES_PER_CLIENT);
  return { name, wishes: payers.map((payer) => etherWish(cast, payer)) };
}

/** Each run stands between two measurements of the bare tokens, and is held against their mean. */
async function measurePath(cast: Cast, tokens: RawTokens, path: Path): Promise<Figure> {
  await signOneBatch(cast, path); // warms up
  const startedMs = performance.now();
  const runs: Run[] = [];
  let before = await tokens.all(RAW_MS);
  for (let run = 1; run <= RUNS; run += 1) {
    // an odd number, so that one of them is the median
    if (run % 2 === 0 && performance.now() - startedMs > PATIENCE_MS) break;
    const ours = await signOneBatch(cast, path);
    const after = await tokens.all(RAW_MS);
    const measured = { ours, against: (before + after) / 2 };
    runs.push(measured);
    before = after;
    const transfers = rate(ours / SIGNATURES_PER_TRANSFER);
    say(
      `${path.name}: run ${run} of ${RUNS}: ${transfers} transfers/s, ${rate(ours)} of ${rate(measured.against)} ${UNIT}`,
    );
  }
  return { name: path.name, unit: UNIT, runs };
}

/** @returns signatures per second */
async function signOneBatch(cast: Cast, { wishes }: Path): Promise<number> {
  const ready = await prepareTransfers(cast, wishes);
  const { transfers, elapsedMs } = await signTransfers(cast, ready);
  await settleTransfers(cast, ready);
  return perSecond(transfers * SIGNATURES_PER_TRANSFER, elapsedMs);
}

const rate = (perSecondRate: number): string => perSecondRate.toFixed(1);

function say(line: string): void {
  console.error(`  ${line}`);
}
