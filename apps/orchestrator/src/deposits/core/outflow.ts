import type { AssetId } from '@bulkhead/intent';
import {
  transferBetweenOwners,
  transferBetweenOwnWallets,
  transferSent,
  unexplainedSpend,
  type NetworkFee,
} from '@bulkhead/ledger';
import {
  isWalletAddress,
  type ChangeList,
  type KnownTransfer,
  type WalletAddress,
  type WatchedAddress,
} from './block-changes.js';

export interface Payment {
  readonly transfer: KnownTransfer;
  readonly transaction: string;
  readonly position: string;
  readonly amount: bigint;
  readonly fee: NetworkFee;
  readonly receiver: WatchedAddress | undefined;
}

/**
 * Books what a transfer of ours paid.
 *
 * @returns whether the receiving wallet's side is booked with it; if not, what arrives there is a deposit like any other
 */
export function bookPayment(changes: ChangeList, payment: Payment): boolean {
  const { transfer, transaction, position, amount, fee, receiver } = payment;
  const { owner, wallet, asset, purpose } = transfer;
  const sent = { at: changes.at, transaction, position, owner, wallet, asset, amount, fee };
  if (isWalletAddress(receiver) && receiver.owner === owner) {
    changes.entries.push(transferBetweenOwnWallets({ ...sent, toWallet: receiver.wallet }));
    return true;
  }
  const crosses = purpose === 'FEE_INVOICE' || purpose === 'RESTITUTION';
  if (isWalletAddress(receiver) && crosses) {
    changes.entries.push(...transferBetweenOwners(purpose, sent, receiver));
    return true;
  }
  changes.entries.push(transferSent(sent));
  return false;
}

export interface UnexplainedSpend {
  readonly from: Pick<WalletAddress, 'owner' | 'wallet' | 'address'>;
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly transaction: string;
  readonly position: string;
}

/** Books what left a wallet without a transfer of ours. Its incident freezes the wallet. */
export function bookUnexplained(changes: ChangeList, spend: UnexplainedSpend): void {
  const { from, asset, amount, transaction, position } = spend;
  const { owner, wallet } = from;
  changes.entries.push(unexplainedSpend({ at: changes.at, transaction, position, owner, wallet, asset, amount }));
  reportUnexplained(changes, from, transaction, { asset, amount: amount.toString() });
}

/** One incident for a wallet and a transaction, whatever it did. */
export function reportUnexplained(
  changes: ChangeList,
  from: UnexplainedSpend['from'],
  transaction: string,
  detail: Readonly<Record<string, string>>,
): void {
  const { chain } = changes.at;
  const key = `spend.unexplained:${chain}:${transaction}:${from.wallet}`;
  if (changes.incidents.some((incident) => incident.key === key)) return;
  changes.incidents.push({
    key,
    kind: 'spend.unexplained',
    owner: from.owner,
    wallet: from.wallet,
    detail: { chain, transaction, address: from.address, ...detail },
  });
}
