import { accepted, refused, type Result } from '@bulkhead/intent';
import { parseBitcoinAddress } from './addresses.js';
import type { WalletCoin } from './build.js';
import { compareOutpoints } from './coin-selection.js';
import { dustLimitSat, KEY_PATH_WITNESS_WEIGHT, MAX_INPUTS, quorumWitnessWeight, vsizeBound } from './sizes.js';
import type { TaprootWalletSpec } from './taproot-spec.js';
import { deriveAddress } from './wallet.js';
import type { BitcoinWalletSpec } from './wallet-spec.js';

/** A payment of all that the coins hold, less the fee. */
export interface Sweep {
  /** The coins worth spending, at most as many as one transaction takes: sweep again for the rest. */
  readonly coins: readonly WalletCoin[];
  readonly amountSat: bigint;
}

function witnessWeightOf(spec: BitcoinWalletSpec | TaprootWalletSpec) {
  if ('outputKey' in spec) return KEY_PATH_WITNESS_WEIGHT;
  const { witnessScript } = deriveAddress(spec, 0, 0);
  return quorumWitnessWeight(spec.threshold, witnessScript.length / 2);
}

/**
 * What can be paid out of these coins in one transaction to one address without change, as `buildPsbt` counts its fee.
 * A coin that costs more to spend than it holds is left. `amount.insufficient-funds` when nothing is left to pay.
 */
export function sweepOf(
  spec: BitcoinWalletSpec | TaprootWalletSpec,
  coins: readonly WalletCoin[],
  address: string,
  feeRateSatVb: bigint,
): Result<Sweep> {
  const payee = parseBitcoinAddress(address, spec.chain);
  if (!payee.ok) return payee;
  const witnessWeight = witnessWeightOf(spec);
  const feeFor = (inputs: number): bigint =>
    feeRateSatVb *
    vsizeBound(
      Array.from({ length: inputs }, () => witnessWeight),
      [payee.value.scriptPubKey.length],
    );
  // rounding can make one input a vbyte dearer than another
  const coinCostSat = feeFor(2) - feeFor(1) + feeRateSatVb;
  const worthwhile = coins
    .filter(({ amountSat }) => amountSat > coinCostSat)
    .sort((a, b) => (a.amountSat === b.amountSat ? compareOutpoints(a, b) : a.amountSat > b.amountSat ? -1 : 1))
    .slice(0, MAX_INPUTS);
  const totalSat = worthwhile.reduce((sum, { amountSat }) => sum + amountSat, 0n);
  const amountSat = totalSat - feeFor(worthwhile.length);
  if (worthwhile.length === 0 || amountSat < dustLimitSat(payee.value.scriptPubKey)) {
    return refused('amount.insufficient-funds', 'The coins hold no more than it costs to move them.', {
      available: String(totalSat),
    });
  }
  return accepted({ coins: worthwhile, amountSat });
}
