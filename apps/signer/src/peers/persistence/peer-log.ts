import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { accepted, digestSchema, refused, ZERO_DIGEST, type Result } from '@bulkhead/intent';
import { decisionHash, type DecisionRecord } from '@bulkhead/policy';
import { DataSource } from 'typeorm';
import type { LogTip } from '../../token-memory/core/token-memory.js';
import { spendOfRecord } from '../core/exchange.js';
import { PeerCursorRow, PeerSpendRow } from './peer-spend.entity.js';

/** The other signers' decisions, each followed from its first without a gap; what they agreed to is kept. */
@Injectable()
export class PeerLog {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Up to where a signer's decisions are known. */
  async cursor(signer: string): Promise<LogTip> {
    const row = await this.database.getRepository(PeerCursorRow).findOneBy({ signer });
    return row ? { count: row.count, hash: digestSchema.parse(row.hash) } : { count: 0, hash: ZERO_DIGEST };
  }

  /**
   * Keeps what a signer decided since. `signer.peer-invalid` when these are not its next decisions: then it tells another
   * history than before, and is not believed. One caller at a time for each signer.
   */
  async follow(signer: string, from: LogTip, records: readonly DecisionRecord[]): Promise<Result<LogTip>> {
    let tip = from;
    for (const record of records) {
      if (record.signer !== signer || record.position !== tip.count || record.previous !== tip.hash)
        return refused('signer.peer-invalid', 'A signer tells another history than before.', {
          signer,
          position: String(tip.count),
        });
      tip = { count: tip.count + 1, hash: decisionHash(record) };
    }
    if (records.length > 0) await this.keep(signer, tip, records);
    return accepted(tip);
  }

  private async keep(signer: string, { count, hash }: LogTip, records: readonly DecisionRecord[]): Promise<void> {
    const spends = records.flatMap((record) => {
      const spend = spendOfRecord(record);
      if (!spend) return [];
      const { amount, at, ...rest } = spend;
      return [{ ...rest, signer, position: record.position, amount: amount.toString(), at: new Date(at) }];
    });
    await this.database.transaction(async (manager) => {
      if (spends.length > 0) await manager.insert(PeerSpendRow, spends);
      await manager.upsert(PeerCursorRow, { signer, count, hash }, ['signer']);
    });
  }
}
