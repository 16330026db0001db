import { Injectable } from '@nestjs/common';
import { refused, RefusalError, orThrow, type AssetId, type ChainId } from '@bulkhead/intent';
import { checkEntry, positionOf, reversal, type JournalEntry, type Position } from '@bulkhead/ledger';
import { DataSource, IsNull, type EntityManager } from 'typeorm';
import { withPostings, type BookedEntry } from '../persistence/booked-entry.js';
import { JournalEntryRow, PostingRow } from '../persistence/entities.js';

export interface PositionFilter {
  readonly owner?: string | undefined;
  readonly wallet?: string | undefined;
  readonly asset?: AssetId | undefined;
}

/**
 * The books. Methods that write take the caller's EntityManager, so that an entry and what it is about commit together.
 */
@Injectable()
export class LedgerService {
  constructor(private readonly database: DataSource) {}

  /**
   * Writes an entry, once for each reference that stands: posting it again changes nothing. When the earlier one was
   * reversed (its block went away and came back), it is written anew.
   * Throws when it is not double entry, or when its reference stands for something else: both are bugs.
   */
  async post(manager: EntityManager, entry: JournalEntry): Promise<'POSTED' | 'ALREADY_POSTED'> {
    orThrow(checkEntry(entry));
    if (await this.write(manager, entry, 1, null)) return 'POSTED';
    const last = await manager.findOneOrFail(JournalEntryRow, {
      where: { reference: entry.reference },
      order: { generation: 'DESC' },
    });
    const stands = !(await manager.existsBy(JournalEntryRow, { reverses: last.id }));
    if (!stands) {
      const written = await this.write(manager, entry, last.generation + 1, null);
      // if not, somebody else has just committed it again: now it can be seen and compared
      return written ? 'POSTED' : this.post(manager, entry);
    }
    const [booked] = await withPostings(manager, [last]);
    if (!booked || !sameContent(booked, entry)) throw referenceReused(entry);
    return 'ALREADY_POSTED';
  }

  /**
   * Takes back all entries of a block that is no longer part of its chain. Entries that were reversed before stay so.
   * @returns how many entries it took back
   */
  async reverseBlock(manager: EntityManager, chain: ChainId, blockHash: string): Promise<number> {
    const rows = await manager
      .createQueryBuilder(JournalEntryRow, 'entry')
      .where({ chain, blockHash, reverses: IsNull() })
      .andWhere('not exists (select 1 from journal_entry taken where taken.reverses = entry.id)')
      .orderBy('entry.id', 'DESC')
      .getMany();
    const generations = new Map(rows.map(({ id, generation }) => [id, generation]));
    for (const entry of await withPostings(manager, rows)) {
      const written = await this.write(manager, reversal(entry), generations.get(entry.id) ?? 1, entry.id);
      if (!written) throw new Error(`entry ${entry.id} was reversed by another transaction`);
    }
    return rows.length;
  }

  /** The register of positions, ordered by owner, wallet and asset. One snapshot: one query. */
  async positions(filter: PositionFilter = {}, manager: EntityManager = this.database.manager): Promise<Position[]> {
    const sum = (account: string) => `coalesce(sum(amount) filter (where account = '${account}'), 0)`;
    const query = manager
      .createQueryBuilder(PostingRow, 'posting')
      .select(['owner', 'wallet', 'asset'])
      .addSelect(sum('WALLET'), 'held')
      .addSelect(sum('PENDING'), 'pending')
      .addSelect(sum('SUSPENSE'), 'suspense')
      .where('wallet is not null')
      .groupBy('owner, wallet, asset')
      .orderBy('owner, wallet, asset');
    if (filter.owner !== undefined) query.andWhere('owner = :owner', { owner: filter.owner });
    if (filter.wallet !== undefined) query.andWhere('wallet = :wallet', { wallet: filter.wallet });
    if (filter.asset !== undefined) query.andWhere('asset = :asset', { asset: filter.asset });
    const rows = await query.getRawMany<PositionRow>();
    return rows.map(({ owner, wallet, asset, held, pending, suspense }) =>
      positionOf(owner, wallet, asset, {
        WALLET: BigInt(held),
        PENDING: BigInt(pending),
        SUSPENSE: BigInt(suspense),
      }),
    );
  }

  /** Entries in the order in which they were written, after the one with the id `after`. */
  async entries(
    filter: { readonly owner?: string | undefined },
    page: { readonly after: string; readonly limit: number },
    manager: EntityManager = this.database.manager,
  ): Promise<BookedEntry[]> {
    const query = manager
      .createQueryBuilder(JournalEntryRow, 'entry')
      .where('entry.id > :after', { after: page.after })
      .orderBy('entry.id')
      .limit(page.limit);
    if (filter.owner !== undefined) query.andWhere('entry.owner = :owner', { owner: filter.owner });
    return withPostings(manager, await query.getMany());
  }

  /** One statement: the entry with its postings. @returns false when the reference is there in this generation */
  private async write(
    manager: EntityManager,
    entry: JournalEntry,
    generation: number,
    reverses: string | null,
  ): Promise<boolean> {
    const { reference, owner, kind, at, postings } = entry;
    const written: unknown[] = await manager.query(
      `with written as (
         insert into journal_entry
           (reference, generation, owner, kind, chain, block_height, block_hash, reverses, posting_count)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (reference, generation) do nothing returning id, owner
       )
       insert into posting (entry, position, owner, account, wallet, asset, amount)
       select written.id, line.position, written.owner, line.account, line.wallet, line.asset, line.amount
       from written, unnest($10::text[], $11::text[], $12::text[], $13::numeric[])
         with ordinality as line (account, wallet, asset, amount, position)
       returning entry`,
      [
        reference,
        generation,
        owner,
        kind,
        at?.chain,
        at?.height,
        at?.hash,
        reverses,
        postings.length,
        postings.map(({ account }) => account),
        postings.map(({ wallet }) => wallet),
        postings.map(({ asset }) => asset),
        postings.map(({ amount }) => amount.toString()),
      ],
    );
    return written.length > 0;
  }
}

interface PositionRow {
  owner: string;
  wallet: string;
  asset: AssetId;
  held: string;
  pending: string;
  suspense: string;
}

/** The order of postings means nothing. */
function sameContent(a: JournalEntry, b: JournalEntry): boolean {
  const content = ({ owner, kind, at, postings }: JournalEntry) =>
    JSON.stringify([
      owner,
      kind,
      at && [at.chain, at.height, at.hash],
      postings
        .map(({ account, wallet, asset, amount }) => JSON.stringify([account, wallet, asset, amount.toString()]))
        .sort(),
    ]);
  return content(a) === content(b);
}

const referenceReused = ({ reference }: JournalEntry): RefusalError =>
  new RefusalError(
    refused('ledger.reference-reused', 'This reference stands for another entry.', { reference }).refusal,
  );
