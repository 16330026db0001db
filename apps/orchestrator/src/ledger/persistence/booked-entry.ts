import type { AssetId, ChainId } from '@bulkhead/intent';
import type { JournalEntry } from '@bulkhead/ledger';
import { In, type EntityManager } from 'typeorm';
import { PostingRow, type JournalEntryRow } from './entities.js';

/** An entry as it stands in the books. */
export interface BookedEntry extends JournalEntry {
  /** Grows with each entry; where the next page starts. */
  readonly id: string;
  /** The id of the entry that this one takes back. */
  readonly reverses: string | null;
  readonly createdAt: Date;
}

/** Entries with their postings, in the order of the rows. */
export async function withPostings(manager: EntityManager, rows: readonly JournalEntryRow[]): Promise<BookedEntry[]> {
  const postings = await manager.find(PostingRow, {
    where: { entry: In(rows.map(({ id }) => id)) },
    order: { entry: 'ASC', position: 'ASC' },
  });
  const ofEntry = new Map<string, PostingRow[]>(rows.map(({ id }) => [id, []]));
  for (const posting of postings) ofEntry.get(posting.entry)?.push(posting);
  return rows.map((row) => ({
    id: row.id,
    reference: row.reference,
    owner: row.owner,
    kind: row.kind,
    at: blockOf(row),
    reverses: row.reverses,
    createdAt: row.createdAt,
    postings: (ofEntry.get(row.id) ?? []).map(({ account, wallet, asset, amount }) => ({
      account,
      wallet,
      asset: asset as AssetId,
      amount: BigInt(amount),
    })),
  }));
}

function blockOf({ chain, blockHeight, blockHash }: JournalEntryRow): JournalEntry['at'] {
  if (chain === null || blockHeight === null || blockHash === null) return null;
  return { chain: chain as ChainId, height: blockHeight, hash: blockHash };
}
