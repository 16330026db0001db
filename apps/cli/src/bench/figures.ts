/** One measurement of a figure: what was measured, and what it is held against in the same seconds. */
export interface Run {
  readonly ours: number;
  readonly against: number;
}

/** A figure over several runs. Ratios of one run compare; absolute rates are the machine's of that moment. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly runs: readonly Run[];
}

export interface Summary {
  readonly name: string;
  readonly unit: string;
  readonly minRatio: number;
  readonly maxRatio: number;
  /** The run with the median ratio: its rates and its ratio belong together. */
  readonly median: Run & { readonly ratio: number };
}

/** @throws Error when a figure has an even number of runs, or one without a rate */
export function summarise({ name, unit, runs }: Figure): Summary {
  if (runs.length % 2 === 0) throw new Error(`${name} needs an odd number of runs, so that one is the median`);
  for (const { ours, against } of runs) {
    if (!(ours > 0 && against > 0 && Number.isFinite(ours / against))) {
      throw new Error(`${name} was measured as ${ours} against ${against} ${unit}`);
    }
  }
  const ranked = runs.map((run) => ({ ...run, ratio: run.ours / run.against })).sort((a, b) => a.ratio - b.ratio);
  const [lowest, median, highest] = [ranked[0], ranked[(ranked.length - 1) / 2], ranked.at(-1)];
  if (!lowest || !median || !highest) throw new Error(`${name} was not measured`);
  return { name, unit, minRatio: lowest.ratio, maxRatio: highest.ratio, median };
}

/** @returns events per second */
export function perSecond(events: number, elapsedMs: number): number {
  return (events * 1000) / elapsedMs;
}

/** The figure for programs: one line of JSON. */
export function jsonLine({ name, unit, median }: Summary): string {
  const { ours, against, ratio } = median;
  return JSON.stringify({ name, ours: rounded(ours), against: rounded(against), ratio: rounded(ratio), unit });
}

const HEADINGS = ['figure', 'ours', 'against', 'ratio', 'min', 'max', 'unit'] as const;

/** The figures for people, in columns: rates of the median run; the ratio's median, lowest and highest. */
export function table(summaries: readonly Summary[]): string[] {
  const rows = summaries.map(({ name, unit, median, minRatio, maxRatio }) => [
    name,
    ...[median.ours, median.against].map((rate) => rate.toFixed(1)),
    ...[median.ratio, minRatio, maxRatio].map((ratio) => ratio.toFixed(4)),
    unit,
  ]);
  const all = [[...HEADINGS], ...rows];
  const widths = HEADINGS.map((_heading, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) => aligned(cell, column, widths))
      .join('  ')
      .trimEnd(),
  );
}

/** Words to the left, numbers to the right. */
function aligned(cell: string, column: number, widths: readonly number[]): string {
  const isText = column === 0 || column === HEADINGS.length - 1;
  return isText ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
}

/** Four significant digits: more would be noise. */
const rounded = (value: number): number => Number(value.toPrecision(4));
