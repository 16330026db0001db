import { Inject, Injectable } from '@nestjs/common';
import { applyEntry, entryHash, type CharterEntry, type CharterState } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import { checkEntryPolicies } from '@bulkhead/policy';
import { DataSource, type EntityManager } from 'typeorm';
import { JobsService } from '../../jobs/jobs.service.js';
import { CharterEntryRow } from '../persistence/entities.js';

/** Rows that follow from an entry (registry of owners, wallets, addresses; incidents), written in its transaction. */
export interface CharterProjection {
  project(
    manager: EntityManager,
    entry: CharterEntry,
    before: CharterState | undefined,
    after: CharterState,
  ): Promise<void>;
}
export const CHARTER_PROJECTIONS = Symbol('CHARTER_PROJECTIONS');

/** One lock for all appends: the charter is small, and its order is its meaning. */
const APPEND_LOCK = 0x62_68_01;

/** The orchestrator's replica of the charter: the log in the database, and the state that follows from it. */
@Injectable()
export class CharterService {
  private current: CharterState | undefined;
  private position = '0';

  constructor(
    private readonly database: DataSource,
    @Inject(CHARTER_PROJECTIONS) private readonly projections: readonly CharterProjection[],
    private readonly jobs: JobsService,
  ) {}

  /** The state up to the newest entry, whichever process wrote it. Throws when the log does not verify. */
  async state(): Promise<CharterState | undefined> {
    const rows = await this.rowsAfter(this.database.manager, this.position);
    for (const row of rows) {
      if (BigInt(row.position) <= BigInt(this.position)) continue; // another caller was faster
      this.current = orThrow(applyEntry(this.current, row.entry));
      this.position = row.position;
    }
    return this.current;
  }

  async required(): Promise<CharterState> {
    const state = await this.state();
    if (!state) throw new Error('the charter has no genesis yet');
    return state;
  }

  /** Entries in the order in which they were enacted: each chain in sequence, each after the firm head that it names. */
  async entries(after = '0', limit = 500): Promise<{ position: string; entry: CharterEntry }[]> {
    const rows = await this.rowsAfter(this.database.manager, after, limit);
    return rows.map(({ position, entry }) => ({ position, entry }));
  }

  /**
   * Appends an entry with all that follows from it, in one transaction, and wakes the job that brings it to the signers.
   * Throws a RefusalError when the reducer refuses.
   */
  async append(entry: CharterEntry, alongside?: (manager: EntityManager) => Promise<void>): Promise<CharterState> {
    await this.database.transaction(async (manager) => {
      await manager.query('select pg_advisory_xact_lock($1)', [APPEND_LOCK]);
      const before = await this.state();
      const after = orThrow(applyEntry(before, entry));
      if (before) orThrow(checkEntryPolicies(before, entry));
      const { chain, sequence } = entry.intent;
      await manager.insert(CharterEntryRow, {
        chain,
        sequence,
        hash: entryHash(entry),
        entry: entry as never,
        enactedAt: new Date(entry.enactedAt),
      });
      for (const projection of this.projections) await projection.project(manager, entry, before, after);
      await alongside?.(manager);
      await this.jobs.enqueue('charter-push', 'all', manager);
    });
    return this.required();
  }

  private async rowsAfter(manager: EntityManager, after: string, limit = 10_000): Promise<CharterEntryRow[]> {
    return manager
      .createQueryBuilder(CharterEntryRow, 'entry')
      .where('entry.position > :after', { after })
      .orderBy('entry.position')
      .limit(limit)
      .getMany();
  }
}
