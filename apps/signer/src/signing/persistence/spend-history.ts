import { Injectable } from '@nestjs/common';
import { historyOf, WINDOWS, type History, type PastSpend } from '@bulkhead/policy';
import { MoreThan, type EntityManager, type EntityTarget } from 'typeorm';
import { PeerSpendRow } from '../../peers/persistence/peer-spend.entity.js';
import { pastSpendOf } from './spend-columns.js';
import { SpendRow, type SpendColumns } from './spend.entity.js';

/** What this signer and, as they told, the others have agreed to. */
@Injectable()
export class SpendHistory {
  /**
   * What a transfer's policies are told of the past, in the transaction that decides.
   *
   * @param pending what others are deciding on; counted as if it were agreed to
   */
  async before(manager: EntityManager, spend: PastSpend, pending: readonly PastSpend[]): Promise<History> {
    const own = await this.find(manager, SpendRow, spend);
    const others = await this.find(manager, PeerSpendRow, spend);
    return historyOf([...own, ...others, ...pending], spend, spend.at);
  }

  /** Those that can count: of the asset, and in the longest window or a test payment to the same payee. */
  private async find<Row extends SpendColumns & { readonly payloadDigest: string }>(
    manager: EntityManager,
    table: EntityTarget<Row>,
    { asset, at, owner, payee }: PastSpend,
  ): Promise<PastSpend[]> {
    const since = new Date(Date.parse(at) - WINDOWS.month * 1_000);
    const where = [
      { asset, at: MoreThan(since) },
      { asset, owner, payee, purpose: 'TEST_PAYMENT' },
    ];
    const rows = await manager.createQueryBuilder(table, 'spend').where(where).getMany();
    return rows.map(pastSpendOf);
  }
}
