import type { AssetId } from '@bulkhead/intent';
import { makeEntry, positive, type JournalEntry, type Occurrence } from './entry.js';

/** Gas that one transaction burnt. `amount` in wei, more than zero. */
export interface Gas extends Occurrence {
  readonly asset: AssetId;
  readonly amount: bigint;
}

/**
 * Gas that the house pays for a client's transaction, as the house books it: an expense that is never swept back
 * (invariant 8). WALLET of the gas payer -g, GAS_GIFT +g.
 */
export const gasSpentForClient = (gas: Gas & { readonly house: string; readonly gasPayer: string }): JournalEntry =>
  makeEntry('gas-spent-for-client', gas.house, gas, [
    { account: 'WALLET', wallet: gas.gasPayer, asset: gas.asset, amount: -positive(gas.amount) },
    { account: 'GAS_GIFT', wallet: null, asset: gas.asset, amount: gas.amount },
  ]);

/** The same gas as the client's books show it: given, and used up at once. GAS_GIFT -g, FEES +g. */
export const gasGiftReceived = (gas: Gas & { readonly client: string }): JournalEntry =>
  makeEntry('gas-gift-received', gas.client, gas, [
    { account: 'GAS_GIFT', wallet: null, asset: gas.asset, amount: -positive(gas.amount) },
    { account: 'FEES', wallet: null, asset: gas.asset, amount: gas.amount },
  ]);

/** Gas that the house pays for itself, for its own Safe or a failed attempt: WALLET of the gas payer -g, FEES +g. */
export const gasSpent = (gas: Gas & { readonly house: string; readonly gasPayer: string }): JournalEntry =>
  makeEntry('gas-spent', gas.house, gas, [
    { account: 'WALLET', wallet: gas.gasPayer, asset: gas.asset, amount: -positive(gas.amount) },
    { account: 'FEES', wallet: null, asset: gas.asset, amount: gas.amount },
  ]);
