import { accepted, refused, type AssetId, type ChainId, type Result } from '@bulkhead/intent';

/**
 * The accounts of every owner. Debit is positive. For each owner and asset all accounts sum to zero, so that WALLET is
 * explained by the others.
 *
 * - WALLET: what lies on chain in that wallet.
 * - PENDING: deposits that were seen and lack confirmations; negative while held. Part of WALLET, not to be spent yet.
 * - SUSPENSE: deposits in quarantine; negative while held. Part of WALLET, not to be spent before an incident is closed.
 * - OUTSIDE: the world; negative for what came from it, positive for what went to it.
 * - FEES: what the network took.
 * - GAS_GIFT: gas that the house pays for a client, one way: an expense of the house, an income of the client.
 * - UNEXPLAINED: what left a wallet without a transfer of ours. It is no part of any balance.
 */
export const ACCOUNTS = ['WALLET', 'PENDING', 'SUSPENSE', 'OUTSIDE', 'FEES', 'GAS_GIFT', 'UNEXPLAINED'] as const;
export type Account = (typeof ACCOUNTS)[number];

/** Accounts that are kept for each wallet; the others are kept for the owner as a whole. */
export const WALLET_ACCOUNTS = ['WALLET', 'PENDING', 'SUSPENSE'] as const satisfies readonly Account[];

export const ENTRY_KINDS = [
  'deposit-seen',
  'deposit-credited',
  'deposit-quarantined',
  'deposit-released',
  'transfer-sent',
  'transfer-between-own-wallets',
  'fee-invoice-sent',
  'fee-invoice-received',
  'restitution-sent',
  'restitution-received',
  'gas-spent-for-client',
  'gas-gift-received',
  'gas-spent',
  'unexplained-spend',
  'reversal',
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

export interface Posting {
  readonly account: Account;
  /** Set exactly for {@link WALLET_ACCOUNTS}. */
  readonly wallet: string | null;
  readonly asset: AssetId;
  /** In the asset's smallest unit; debit positive, never zero. */
  readonly amount: bigint;
}

export interface BlockRef {
  readonly chain: ChainId;
  readonly height: number;
  /** As the chain's node writes it; an entry of an orphaned block is reversed by it. */
  readonly hash: string;
}

/** One economic event of one owner. */
export interface JournalEntry {
  /** Names the event for ever: the same reference is never posted twice while it stands. */
  readonly reference: string;
  readonly owner: string;
  readonly kind: EntryKind;
  /** The block that made it true. Null only for an entry that no chain can take back. */
  readonly at: BlockRef | null;
  readonly postings: readonly Posting[];
}

/** Where on a chain an entry comes from. */
export interface Occurrence {
  /** The block that made the entry true: the block of the transaction, or the one that gave it enough confirmations. */
  readonly at: BlockRef;
  readonly transaction: string;
  /** What in the transaction: an output's index, a log's index, or `fee`. */
  readonly position: string;
}

/** The block hash is part of it, so that the same transaction in another block after a reorg is posted anew. */
export const entryReference = (kind: EntryKind, { at, transaction, position }: Occurrence): string =>
  `${kind}:${at.chain}:${transaction}:${position}:${at.hash}`;

/**
 * Builds an entry of an occurrence. Postings of zero are left out (a Safe pays no fee itself).
 * Throws when what remains is not a balanced entry: that is a bug of the maker.
 */
export function makeEntry(
  kind: EntryKind,
  owner: string,
  occurrence: Occurrence,
  postings: readonly Posting[],
): JournalEntry {
  const entry: JournalEntry = {
    reference: entryReference(kind, occurrence),
    owner,
    kind,
    at: occurrence.at,
    postings: postings.filter((posting) => posting.amount !== 0n),
  };
  const checked = checkEntry(entry);
  if (!checked.ok) throw new RangeError(checked.refusal.detail);
  return entry;
}

/** Is this double entry? Codes: `ledger.entry-malformed`, `ledger.entry-unbalanced`. */
export function checkEntry(entry: JournalEntry): Result<JournalEntry> {
  const malformed = (detail: string) => refused('ledger.entry-malformed', detail, { reference: entry.reference });
  if (entry.reference === '' || entry.owner === '') return malformed('An entry has a reference and one owner.');
  if (entry.postings.length < 2) return malformed('An entry has two postings at least.');
  const sums = new Map<AssetId, bigint>();
  for (const { account, wallet, asset, amount } of entry.postings) {
    if (amount === 0n) return malformed('A posting of zero says nothing.');
    if (isWalletAccount(account) !== (wallet !== null)) {
      return malformed(`A posting to ${account} ${wallet === null ? 'names its wallet' : 'names no wallet'}.`);
    }
    sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  }
  for (const [asset, sum] of sums) {
    if (sum === 0n) continue;
    return refused('ledger.entry-unbalanced', 'The postings of each asset sum to zero.', {
      reference: entry.reference,
      asset,
      sum: sum.toString(),
    });
  }
  return accepted(entry);
}

/** Takes an entry back: the same postings, negated. An entry can be reversed once, and a reversal never. */
export function reversal(entry: JournalEntry): JournalEntry {
  if (entry.kind === 'reversal') throw new RangeError('a reversal is final');
  return {
    reference: `reversal:${entry.reference}`,
    owner: entry.owner,
    kind: 'reversal',
    at: entry.at,
    postings: entry.postings.map((posting) => ({ ...posting, amount: -posting.amount })),
  };
}

export const isWalletAccount = (account: Account): boolean => (WALLET_ACCOUNTS as readonly Account[]).includes(account);

/** Throws on an amount that is not more than zero: a maker's caller has taken it from a decoded transaction. */
export function positive(amount: bigint): bigint {
  if (amount <= 0n) throw new RangeError('a ledger amount is more than zero');
  return amount;
}
