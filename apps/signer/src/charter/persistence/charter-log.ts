import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { charterEntrySchema, entryHash, type CharterEntry } from '@bulkhead/charter';
import { accepted, canonicalJson, digestSchema, refused, type Digest, type Result } from '@bulkhead/intent';
import { DataSource, MoreThan } from 'typeorm';
import { rolledBack } from '../../token-memory/core/token-memory.js';
import { CharterEntryRow } from './charter-entry.entity.js';

const PAGE = 500;

export interface EntriesPage {
  readonly entries: readonly CharterEntry[];
  readonly more: boolean;
}

export interface AppliedEntry {
  readonly entry: CharterEntry;
  readonly hash: Digest;
  /** RFC 3339, by this signer's clock. */
  readonly appliedAt: string;
}

/** The append-only log of applied entries. */
@Injectable()
export class CharterLog {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Every entry in the order in which it was applied, with the hash it was stored under. Nothing is verified here. */
  async *entries(): AsyncGenerator<AppliedEntry> {
    const rows = this.database.getRepository(CharterEntryRow);
    for (let skip = 0; ; skip += PAGE) {
      const page = await rows.find({ order: { position: 'ASC' }, skip, take: PAGE });
      for (const { entry, hash, appliedAt } of page)
        yield {
          entry: charterEntrySchema.parse(JSON.parse(entry)),
          hash: digestSchema.parse(hash),
          appliedAt: appliedAt.toISOString(),
        };
      if (page.length < PAGE) return;
    }
  }

  async page(after: Digest | undefined, chain: string | undefined, most: number): Promise<Result<EntriesPage>> {
    const table = this.database.getRepository(CharterEntryRow);
    const last = after === undefined ? null : await table.findOneBy({ hash: after });
    if (after !== undefined && !last)
      return refused('request.not-found', 'This signer has no charter entry of that hash.', { after });
    const rows = await table.find({
      where: { position: MoreThan(last?.position ?? -1), ...(chain !== undefined && { chain }) },
      order: { position: 'ASC' },
      take: most + 1,
    });
    const entries = rows.slice(0, most).map(({ entry }) => charterEntrySchema.parse(JSON.parse(entry)));
    return accepted({ entries, more: rows.length > most });
  }

  /** The hash of the entry that is held at a place. */
  async hashAt(chain: string, sequence: number): Promise<string | undefined> {
    const row = await this.database.getRepository(CharterEntryRow).findOne({
      where: { chain, sequence },
      select: { position: true, hash: true },
    });
    return row?.hash;
  }

  /**
   * Stores an entry for good, as number `position` of the log; `signer.database-rolled-back` when fewer are there. Throws
   * when another process has written to the log, which is then not what this one has in memory.
   */
  async append(position: number, entry: CharterEntry, appliedAt: string): Promise<Result<true>> {
    const { chain, sequence } = entry.intent;
    return this.database.transaction(async (manager) => {
      await manager.query(`select pg_advisory_xact_lock(hashtextextended('charter', 0))`);
      const held = ((await manager.maximum(CharterEntryRow, 'position')) ?? -1) + 1;
      if (held < position) return rolledBack({ log: 'entries', memory: String(position), database: String(held) });
      await manager.insert(CharterEntryRow, {
        position,
        chain,
        sequence,
        hash: entryHash(entry),
        entry: canonicalJson(entry),
        appliedAt: new Date(appliedAt),
      });
      return accepted(true);
    });
  }
}
