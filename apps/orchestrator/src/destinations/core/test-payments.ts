import { Injectable } from '@nestjs/common';
import { addressKey, type Destination } from '@bulkhead/charter';
import type { ChainId } from '@bulkhead/intent';
import { DataSource } from 'typeorm';

interface TriedRow {
  readonly owner: string;
  readonly chain: ChainId;
  readonly payee: string;
  readonly at: Date;
}

/** Which destinations have been tried: a test payment of their owner to them is settled. */
@Injectable()
export class TestPayments {
  constructor(private readonly database: DataSource) {}

  /** When the last one settled, RFC 3339, by {@link triedKey}. */
  async settled(): Promise<ReadonlyMap<string, string>> {
    const rows: TriedRow[] = await this.database.query(
      `select owner, chain, payee, max(updated_at) as at from transfer
       where purpose = 'TEST_PAYMENT' and state = 'SETTLED' group by owner, chain, payee`,
    );
    return new Map(rows.map(({ owner, chain, payee, at }) => [triedKey(owner, chain, payee), at.toISOString()]));
  }
}

export const triedKey = (owner: string, chain: Destination['chain'], address: string): string =>
  `${owner} ${addressKey(chain, address)}`;
