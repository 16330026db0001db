import { randomUUID } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { PastSpend } from '@bulkhead/policy';
import { DataSource, MoreThan, type EntityManager } from 'typeorm';
import { Clock } from '../../clock.js';
import { pastSpendOf, spendColumns } from './spend-columns.js';
import { TentativeRow } from './tentative.entity.js';

/** A request that takes longer is not decided any more; one that could not be taken off the list is forgotten later still. */
const DECIDED_WITHIN_MS = 30_000;
const FORGOTTEN_AFTER_MS = 90_000;

/**
 * What this signer is deciding on, committed before the others are asked what they know: whoever writes last sees all
 * (docs/decisions/0023).
 */
@Injectable()
export class Tentatives implements OnModuleInit {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly clock: Clock,
  ) {}

  /** What the process that ended was deciding on, it decides no more. */
  async onModuleInit(): Promise<void> {
    await this.database.getRepository(TentativeRow).deleteAll();
  }

  /** @returns under which it is to be closed */
  async open(spend: PastSpend): Promise<string> {
    const id = randomUUID();
    await this.database.getRepository(TentativeRow).insert({ id, ...spendColumns(spend) });
    return id;
  }

  /**
   * Ends it in the transaction that makes a spend of it or refuses it.
   *
   * @returns whether it was there and is not too old: otherwise the others may not have seen it
   */
  async close(manager: EntityManager, id: string): Promise<boolean> {
    const at = MoreThan(new Date(this.clock.at(-DECIDED_WITHIN_MS)));
    return (await manager.delete(TentativeRow, { id, at })).affected === 1;
  }

  async drop(id: string): Promise<void> {
    await this.database.getRepository(TentativeRow).delete({ id });
  }

  async all(): Promise<PastSpend[]> {
    const at = MoreThan(new Date(this.clock.at(-FORGOTTEN_AFTER_MS)));
    return (await this.database.getRepository(TentativeRow).findBy({ at })).map(pastSpendOf);
  }
}
