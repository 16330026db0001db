import { accepted, refused, type Result } from '@bulkhead/intent';
import { dustLimitSat, MAX_INPUTS, vsizeBound } from './sizes.js';

export interface SelectableCoin {
  readonly txid: string;
  readonly vout: number;
  readonly amountSat: bigint;
}

/** The transaction that coins are wanted for, all but its inputs. */
export interface SelectionTask {
  /** Sum of the payments, in satoshi. */
  readonly paymentsSat: bigint;
  readonly paymentScriptLengths: readonly number[];
  readonly changeScript: Uint8Array;
  /** Weight of one input's witness; every coin of one wallet costs the same. */
  readonly witnessWeight: bigint;
  readonly feeRateSatVb: bigint;
}

export interface Selection<C extends SelectableCoin> {
  readonly coins: readonly C[];
  readonly feeSat: bigint;
  /** Zero when what is left would be dust: it goes to the fee then. */
  readonly changeSat: bigint;
}

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** BIP-69 order of inputs: by txid as written, then by output number. */
export const compareOutpoints = (a: SelectableCoin, b: SelectableCoin): number =>
  compareText(a.txid, b.txid) || a.vout - b.vout;

const largestFirst = (a: SelectableCoin, b: SelectableCoin): number =>
  a.amountSat === b.amountSat ? compareOutpoints(a, b) : a.amountSat > b.amountSat ? -1 : 1;

/**
 * Largest first: takes the biggest coins until payments and fee are covered. That is the fewest inputs, hence the
 * least fee, and the same coins give the same answer on every machine.
 *
 * `amount.insufficient-funds` when all coins together do not cover payments and fee, `bitcoin.transaction-not-standard`
 * when they would but only in more inputs than one transaction may have.
 */
export function selectCoins<C extends SelectableCoin>(coins: readonly C[], task: SelectionTask): Result<Selection<C>> {
  const feeFor = (inputs: number, scriptLengths: readonly number[]): bigint =>
    task.feeRateSatVb *
    vsizeBound(
      Array.from({ length: inputs }, () => task.witnessWeight),
      scriptLengths,
    );
  const ordered = [...coins].sort(largestFirst);
  let gatheredSat = 0n;
  for (const [position, coin] of ordered.slice(0, MAX_INPUTS).entries()) {
    gatheredSat += coin.amountSat;
    const chosen = ordered.slice(0, position + 1);
    const restSat = gatheredSat - task.paymentsSat;
    if (restSat < feeFor(chosen.length, task.paymentScriptLengths)) continue;
    const feeWithChange = feeFor(chosen.length, [...task.paymentScriptLengths, task.changeScript.length]);
    const changeSat = restSat - feeWithChange;
    return changeSat >= dustLimitSat(task.changeScript)
      ? accepted({ coins: chosen, feeSat: feeWithChange, changeSat })
      : accepted({ coins: chosen, feeSat: restSat, changeSat: 0n });
  }
  return notCovered(
    ordered,
    task,
    feeFor(Math.max(1, Math.min(ordered.length, MAX_INPUTS)), task.paymentScriptLengths),
  );
}

function notCovered(ordered: readonly SelectableCoin[], task: SelectionTask, feeSat: bigint) {
  const neededSat = task.paymentsSat + feeSat;
  const availableSat = ordered.reduce((sum, coin) => sum + coin.amountSat, 0n);
  const facts = { needed: String(neededSat), available: String(availableSat) };
  return availableSat < neededSat || ordered.length <= MAX_INPUTS
    ? refused('amount.insufficient-funds', 'The wallet does not hold the amount and the network fee.', facts)
    : refused(
        'bitcoin.transaction-not-standard',
        `This takes more than ${MAX_INPUTS} coins: consolidate first.`,
        facts,
      );
}
