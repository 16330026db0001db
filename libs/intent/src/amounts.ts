import { chainOfAsset, isBitcoinChain, type AssetId } from './chains.js';
import { accepted, refused, type Result } from './refusals.js';

/** 21 million bitcoin in satoshi: MAX_MONEY of Bitcoin Core's consensus/amount.h. */
export const MAX_SAT = 2_100_000_000_000_000n;
const MAX_UINT256 = (1n << 256n) - 1n;

const DECIMAL = /^(0|[1-9]\d{0,77})$/;

/** Decimal digits of the smallest unit, without sign, point, exponent or leading zeros. */
export const isDecimalAmount = (text: string): boolean => DECIMAL.test(text);

/**
 * An amount to be moved: a decimal string of the asset's smallest unit (satoshi, wei, token unit), more than zero and
 * no more than the chain can hold.
 */
export function parsePositiveAmount(asset: AssetId, text: string): Result<bigint> {
  if (!DECIMAL.test(text)) {
    return /^-\d+$/.test(text)
      ? refused('amount.not-positive', 'An amount must be more than zero.', { amount: text })
      : refused('amount.malformed', 'An amount is a decimal string of the smallest unit: digits only.', {
          amount: text,
        });
  }
  const value = BigInt(text);
  if (value === 0n) return refused('amount.not-positive', 'An amount must be more than zero.', { amount: text });
  const most = isBitcoinChain(chainOfAsset(asset)) ? MAX_SAT : MAX_UINT256;
  if (value > most) return refused('amount.too-large', 'No such amount can exist on this chain.', { amount: text });
  return accepted(value);
}
