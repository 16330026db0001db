import { Inject, Injectable } from '@nestjs/common';
import { isBitcoinChain, refused } from '@bulkhead/intent';
import { CONFIG, type Config } from '../../config.js';
import type { TransferRow } from '../persistence/entities.js';
import { TransferStore } from './transfer-store.js';
import { UNSENT_STATES } from './transitions.js';

interface IncludedRow {
  tx_id: string;
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
    const { height, tip, succeeded, tx_id: txId } = included;
    if (row.state === 'SETTLED' || row.state === 'FAILED') return row;
    if (!succeeded) {
      const { refusal } = refused(
        'chain.transaction-failed',
        'The chain executed it and it failed; nothing was paid.',
        {
          tx: txId,
        },
      );
      return this.store.moveAlone(row, 'FAILED', { code: refusal.code }, { refusal });
    }
    if (row.state === 'BROADCAST') return this.store.moveAlone(row, 'CONFIRMING', { height: String(height) }, { txId });
    const confirmations = tip - height + 1;
    return confirmations >= this.required(row)
      ? this.store.moveAlone(row, 'SETTLED', { confirmations: String(confirmations) }, { refusal: null })
      : row;
  }

  /**
   * The chain may have executed the very bytes of a transfer that is not known to be signed: the database was restored
   * from a copy of before. A quorum of signers has signed them, and has had the approvals: it is taken for sent.
   */
  async recognise(row: TransferRow): Promise<TransferRow> {
    if (!UNSENT_STATES.includes(row.state) || row.payloadId === null) return row;
    const { chain, payload, payloadId } = row;
    const safeTxHash = payload?.kind === 'safe-tx' ? payloadId : null;
    const included = await this.find({ chain, safeTxHash, txId: safeTxHash === null ? payloadId : null });
    if (!included) return row;
    const { tx_id: txId, height } = included;
    const detail = { reason: 'found in the chain', height: String(height) };
    return this.store.moveAlone(row, 'BROADCAST', detail, { safeTxHash, txId, refusal: null });
  }

  private required(row: TransferRow): number {
    const { bitcoin, ethereum } = this.config.chains;
    return (isBitcoinChain(row.chain) ? bitcoin : ethereum).confirmations;
  }

  /** A Safe's transaction is found by what the Safe executed: anybody who saw it may have sent it before we did. */
  private async find(row: Pick<TransferRow, 'chain' | 'txId' | 'safeTxHash'>): Promise<IncludedRow | undefined> {
    const rows: IncludedRow[] = await this.store.database.query(
      `select tx_id, height, succeeded, (select max(height) from block where chain = $1) as tip
       from (
         select tx_id, height, succeeded, 0 as rank from safe_execution where chain = $1 and safe_tx_hash = $3
         union all
         select tx_id, height, succeeded, 1 as rank from chain_transaction where chain = $1 and tx_id = $2
       ) included order by rank limit 1`,
      [row.chain, row.txId, row.safeTxHash],
    );
    return rows[0];
  }
}
