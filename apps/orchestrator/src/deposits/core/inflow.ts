import { depositQuarantined, depositSeen } from '@bulkhead/ledger';
import type { AssetId } from '@bulkhead/intent';
import { checkDeposit } from '@bulkhead/segregation';
import {
  directoryOf,
  type BlockLookups,
  type ChangeList,
  type NewDeposit,
  type WalletAddress,
} from './block-changes.js';

export interface Inflow {
  readonly to: WalletAddress;
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly sources: readonly string[];
  readonly transaction: string;
  readonly position: string;
  /** Confirmations that the chain itself asks for, where that is more than ours. */
  readonly leastConfirmations?: number;
}

/**
 * Takes a deposit in: seen and waiting for its confirmations, or, when it comes from an address of another owner under
 * management, quarantined with an incident.
 */
export function takeIn(changes: ChangeList, lookups: BlockLookups, inflow: Inflow): NewDeposit['status'] {
  const { to, asset, amount, transaction, position } = inflow;
  const sources = [...new Set(inflow.sources)];
  const verdict = checkDeposit(lookups.chain, to, sources, directoryOf(lookups));
  const status = verdict.kind === 'CREDIT' ? 'PENDING' : 'QUARANTINED';
  const occurrence = { at: changes.at, transaction, position, owner: to.owner, wallet: to.wallet, asset, amount };
  changes.deposits.push({
    asset,
    wallet: to.wallet,
    owner: to.owner,
    address: to.address,
    transaction,
    position,
    amount,
    sources,
    status,
    dueHeight: changes.at.height + Math.max(lookups.confirmations, inflow.leastConfirmations ?? 0) - 1,
  });
  if (verdict.kind === 'CREDIT') {
    changes.entries.push(depositSeen(occurrence));
    return status;
  }
  changes.entries.push(depositQuarantined(occurrence));
  changes.incidents.push({
    key: `deposit.quarantined:${lookups.chain}:${transaction}:${position}`,
    kind: 'deposit.quarantined',
    owner: to.owner,
    wallet: to.wallet,
    detail: {
      chain: lookups.chain,
      asset,
      amount: amount.toString(),
      transaction,
      address: to.address,
      from: verdict.from,
      fromOwner: verdict.fromOwner,
    },
  });
  return status;
}
