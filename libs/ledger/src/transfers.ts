import type { AssetId } from '@bulkhead/intent';
import { makeEntry, positive, type EntryKind, type JournalEntry, type Occurrence, type Posting } from './entry.js';

/** Something that left a wallet. Amounts in the asset's smallest unit. */
export interface Outflow extends Occurrence {
  readonly owner: string;
  readonly wallet: string;
  readonly asset: AssetId;
  /** More than zero. What change brings back to the wallet is not part of it. */
  readonly amount: bigint;
}

/** What the network took from the same wallet: zero for a Safe, whose gas a gas payer of the house pays. */
export interface NetworkFee {
  readonly asset: AssetId;
  readonly amount: bigint;
}

/** A settled transfer to the world: WALLET -(x + fee), OUTSIDE +x, FEES +fee. */
export const transferSent = (sent: Outflow & { readonly fee: NetworkFee }): JournalEntry =>
  outflow('transfer-sent', sent, { account: 'OUTSIDE', wallet: null, asset: sent.asset, amount: sent.amount });

/** From one wallet of an owner into another of the same owner, in one entry: nothing went outside but the fee. */
export const transferBetweenOwnWallets = (
  sent: Outflow & { readonly fee: NetworkFee; readonly toWallet: string },
): JournalEntry =>
  outflow('transfer-between-own-wallets', sent, {
    account: 'WALLET',
    wallet: sent.toWallet,
    asset: sent.asset,
    amount: sent.amount,
  });

const CROSSING_KINDS = {
  FEE_INVOICE: ['fee-invoice-sent', 'fee-invoice-received'],
  RESTITUTION: ['restitution-sent', 'restitution-received'],
} as const;

/**
 * The only two payments that cross owners (invariant 3): a fee invoice that a client pays to the house, and restitution
 * that the house pays to a client. Two entries, one per owner, each through OUTSIDE: no entry ever holds two owners.
 * Both carry the same occurrence in their references.
 */
export function transferBetweenOwners(
  purpose: keyof typeof CROSSING_KINDS,
  sent: Outflow & { readonly fee: NetworkFee },
  receiver: { readonly owner: string; readonly wallet: string },
): readonly [sent: JournalEntry, received: JournalEntry] {
  if (receiver.owner === sent.owner) throw new RangeError('one owner pays itself between its own wallets');
  const [sentKind, receivedKind] = CROSSING_KINDS[purpose];
  const { asset, amount } = sent;
  return [
    outflow(sentKind, sent, { account: 'OUTSIDE', wallet: null, asset, amount }),
    makeEntry(receivedKind, receiver.owner, sent, [
      { account: 'WALLET', wallet: receiver.wallet, asset, amount: positive(amount) },
      { account: 'OUTSIDE', wallet: null, asset, amount: -amount },
    ]),
  ];
}

/** Coins left a wallet and no transfer of ours explains it: WALLET -x, UNEXPLAINED +x. An incident goes with it. */
export const unexplainedSpend = (spent: Outflow): JournalEntry =>
  makeEntry('unexplained-spend', spent.owner, spent, [
    { account: 'WALLET', wallet: spent.wallet, asset: spent.asset, amount: -positive(spent.amount) },
    { account: 'UNEXPLAINED', wallet: null, asset: spent.asset, amount: spent.amount },
  ]);

function outflow(kind: EntryKind, sent: Outflow & { readonly fee: NetworkFee }, counter: Posting): JournalEntry {
  const { wallet, asset, fee } = sent;
  if (fee.amount < 0n) throw new RangeError('a network fee is never negative');
  const amount = positive(sent.amount);
  const paid: readonly Posting[] =
    fee.asset === asset
      ? [{ account: 'WALLET', wallet, asset, amount: -(amount + fee.amount) }]
      : [
          { account: 'WALLET', wallet, asset, amount: -amount },
          { account: 'WALLET', wallet, asset: fee.asset, amount: -fee.amount },
        ];
  return makeEntry(kind, sent.owner, sent, [
    ...paid,
    counter,
    { account: 'FEES', wallet: null, asset: fee.asset, amount: fee.amount },
  ]);
}
