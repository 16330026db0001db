import { Inject, Injectable } from '@nestjs/common';
import { isBitcoinChain, refused } from '@bulkhead/intent';
import { CONFIG, type Config } from '../../config.js';
import type { TransferRow } from '../persistence/entities.js';
import { TransferStore } from './transfer-store.js';

interface IncludedRow {
  height: number;
  succeeded: boolean;
  tip: number;
}

/** Follows a transfer that was sent, by what the block followers have written: never by what a node says in passing. */
@Injectable()
export class Inclusion {
  constructor(
    private readonly store: TransferStore,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** The state that follows from what is in the chain now; the same row when nothing follows. */
  async follow(row: TransferRow): Promise<TransferRow> {
    const included = await this.find(row);
    if (!included) {
      return row.state === 'BROADCAST' ? row : this.store.moveAlone(row, 'BROADCAST', { reason: 'reorganisation' });
    }
    const { height, tip, succeeded } = included;
    if (row.state === 'SETTLED' || row.state === 'FAILED') return row;
    if (!succeeded) {
      const { refusal } = refused(
        'chain.transaction-failed',
        'The chain executed it and it failed; nothing was paid.',
        {
          tx: row.txId ?? '',
        },
      );
      return this.store.moveAlone(row, 'FAILED', { code: refusal.code }, { refusal });
    }
    if (row.state === 'BROADCAST') return this.store.moveAlone(row, 'CONFIRMING', { height: String(height) });
    const confirmations = tip - height + 1;
    return confirmations >= this.required(row)
      ? this.store.moveAlone(row, 'SETTLED', { confirmations: String(confirmations) }, { refusal: null })
      : row;
  }

  private required(row: TransferRow): number {
    const { bitcoin, ethereum } = this.config.chains;
    return (isBitcoinChain(row.chain) ? bitcoin : ethereum).confirmations;
  }

  private async find(row: TransferRow): Promise<IncludedRow | undefined> {
    const rows: IncludedRow[] = await this.store.database.query(
      `select t.height, t.succeeded, (select max(height) from block where chain = t.chain) as tip
       from chain_transaction t where t.chain = $1 and t.tx_id = $2`,
      [row.chain, row.txId],
    );
    return rows[0];
  }
}
