import type { AssetId } from '@bulkhead/intent';
import { makeEntry, positive, type JournalEntry, type Occurrence, type Posting } from './entry.js';

/** Something that arrived in a wallet. `amount` in the asset's smallest unit, more than zero. */
export interface Deposit extends Occurrence {
  readonly owner: string;
  readonly wallet: string;
  readonly asset: AssetId;
  readonly amount: bigint;
}

/** It is in a block, with too few confirmations to be spent: WALLET +x, PENDING -x. */
export const depositSeen = (deposit: Deposit): JournalEntry =>
  makeEntry('deposit-seen', deposit.owner, deposit, [on('WALLET', deposit, 1n), on('PENDING', deposit, -1n)]);

/**
 * It has its confirmations: PENDING +x, OUTSIDE -x. `at` is the block that brought the last confirmation, so that an
 * orphaned block takes back exactly what it granted.
 */
export const depositCredited = (deposit: Deposit): JournalEntry =>
  makeEntry('deposit-credited', deposit.owner, deposit, [
    on('PENDING', deposit, 1n),
    { account: 'OUTSIDE', wallet: null, asset: deposit.asset, amount: -positive(deposit.amount) },
  ]);

/** It came from an address of another owner (instead of `depositSeen`): WALLET +x, SUSPENSE -x. */
export const depositQuarantined = (deposit: Deposit): JournalEntry =>
  makeEntry('deposit-quarantined', deposit.owner, deposit, [on('WALLET', deposit, 1n), on('SUSPENSE', deposit, -1n)]);

/** An incident was closed by releasing it: SUSPENSE +x, OUTSIDE -x. `at` is the deposit's own block. */
export const depositReleased = (deposit: Deposit): JournalEntry =>
  makeEntry('deposit-released', deposit.owner, deposit, [
    on('SUSPENSE', deposit, 1n),
    { account: 'OUTSIDE', wallet: null, asset: deposit.asset, amount: -positive(deposit.amount) },
  ]);

const on = (account: 'WALLET' | 'PENDING' | 'SUSPENSE', deposit: Deposit, sign: 1n | -1n): Posting => ({
  account,
  wallet: deposit.wallet,
  asset: deposit.asset,
  amount: sign * positive(deposit.amount),
});
