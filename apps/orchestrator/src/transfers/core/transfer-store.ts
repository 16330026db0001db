import { Injectable } from '@nestjs/common';
import { refused, RefusalError, type Refusal } from '@bulkhead/intent';
import { DataSource, type EntityManager } from 'typeorm';
import { JobsService } from '../../jobs/jobs.service.js';
import { TransferRow, TransferSignatureRow, type StoredSignature } from '../persistence/entities.js';
import { mayBecome, RELEASING_STATES, UNSENT_STATES, WORKED_STATES, type TransferState } from './transitions.js';

/** What a transition writes besides the state. */
export type TransferPatch = Partial<
  Pick<
    TransferRow,
    'payload' | 'payloadDigest' | 'payloadId' | 'fee' | 'rawTransaction' | 'txId' | 'safeTxHash' | 'refusal'
  >
>;

/** Someone else has moved the transfer since it was read; look again. */
export class StaleTransferError extends Error {
  constructor(readonly transfer: string) {
    super(`transfer ${transfer} has moved`);
    this.name = 'StaleTransferError';
  }
}

/** Every write to a transfer goes through {@link move}: the new state, its audit row and its wake-up commit together. */
@Injectable()
export class TransferStore {
  constructor(
    readonly database: DataSource,
    private readonly jobs: JobsService,
  ) {}

  async find(id: string): Promise<TransferRow> {
    const row = await this.database.manager.findOneBy(TransferRow, { id });
    if (!row) throw new RefusalError(refused('request.not-found', 'No such transfer.', { id }).refusal);
    return row;
  }

  /** Transfers that a worker has something to do with now, and that have not moved for so long. */
  async due(quietSeconds: number): Promise<string[]> {
    const rows: { id: string }[] = await this.database.query(
      `select id from transfer where state = any($1) and updated_at <= now() - make_interval(secs => $2)
       union all
       select id from transfer where state in ('PROPOSED', 'PENDING_APPROVAL') and (intent->>'expiresAt')::timestamptz < now()`,
      [[...WORKED_STATES], quietSeconds],
    );
    return rows.map(({ id }) => id);
  }

  /** Writes a transition of the table in transitions.ts; throws {@link StaleTransferError} when another was faster. */
  async move(
    manager: EntityManager,
    row: TransferRow,
    to: TransferState,
    detail: Readonly<Record<string, string>> = {},
    patch: TransferPatch = {},
  ): Promise<TransferRow> {
    if (!mayBecome(row.state, to)) throw new Error(`a transfer never goes from ${row.state} to ${to}`);
    const next = { ...patch, state: to, version: row.version + 1, updatedAt: new Date() };
    const { affected } = await manager.update(
      TransferRow,
      { id: row.id, state: row.state, version: row.version },
      next,
    );
    if (affected !== 1) throw new StaleTransferError(row.id);
    await this.note(manager, row.id, row.state, to, detail);
    await this.release(manager, row, to);
    // every later move is made by a worker, which goes on by itself
    if (to === 'READY') await this.jobs.enqueue('transfer', row.id, manager);
    return Object.assign(new TransferRow(), row, next);
  }

  async moveAlone(
    row: TransferRow,
    to: TransferState,
    detail: Readonly<Record<string, string>> = {},
    patch: TransferPatch = {},
  ): Promise<TransferRow> {
    return this.database.transaction((manager) => this.move(manager, row, to, detail, patch));
  }

  async note(
    manager: EntityManager,
    transfer: string,
    from: TransferState | null,
    to: TransferState,
    detail: Readonly<Record<string, string>>,
  ): Promise<void> {
    await manager.query(
      'insert into transfer_transition (transfer, from_state, to_state, detail) values ($1, $2, $3, $4)',
      [transfer, from, to, JSON.stringify(detail)],
    );
  }

  async history(transfer: string): Promise<{ from: string | null; to: string; at: Date; detail: unknown }[]> {
    return this.database.query(
      `select from_state as "from", to_state as "to", at, detail from transfer_transition where transfer = $1 order by id`,
      [transfer],
    );
  }

  /** Takes outpoints and nonces for one transfer; a resource that another transfer holds refuses the whole. */
  async reserve(manager: EntityManager, transfer: string, resources: readonly string[]): Promise<void> {
    const taken: unknown[] = await manager.query(
      `insert into reservation (resource, transfer) select unnest($1::text[]), $2 on conflict do nothing returning 1`,
      [[...resources], transfer],
    );
    if (taken.length !== resources.length) {
      throw new RefusalError(
        refused('segregation.coin-committed', 'A coin or nonce is held by another transfer; try again.').refusal,
      );
    }
  }

  async signatures(transfer: string): Promise<TransferSignatureRow[]> {
    return this.database.manager.findBy(TransferSignatureRow, { transfer });
  }

  async keepSignatures(transfer: string, signer: string, signatures: readonly StoredSignature[]): Promise<void> {
    await this.database.manager
      .createQueryBuilder()
      .insert()
      .into(TransferSignatureRow)
      .values({ transfer, signer, signatures: [...signatures] })
      .orIgnore()
      .execute();
  }

  /** Keeps why a transfer does not get on, for whoever looks at it; it moves nothing. */
  async noteProblem(row: TransferRow, refusal: Refusal): Promise<void> {
    await this.database.manager.update(TransferRow, { id: row.id, state: row.state }, { refusal: refusal });
  }

  /** Transfers of a chain that a new or a lost block may move; one that waits to be in a block is not moved by others. */
  async touchedByBlocks(manager: EntityManager, chain: string): Promise<string[]> {
    const rows: { id: string }[] = await manager.query(
      `select id from transfer where chain = $1 and state = 'CONFIRMING'
       union all
       select id from transfer t where chain = $1 and state = 'BROADCAST'
         and (exists (select 1 from chain_transaction c where c.chain = t.chain and c.tx_id = t.tx_id)
           or exists (select 1 from safe_execution e where e.chain = t.chain and e.safe_tx_hash = t.safe_tx_hash))
       union all
       select id from transfer t where chain = $1 and state = any($2)
         and (exists (select 1 from chain_transaction c where c.chain = t.chain and c.tx_id = t.payload_id)
           or exists (select 1 from safe_execution e where e.chain = t.chain and e.safe_tx_hash = t.payload_id))
       union all
       select id from transfer t where chain = $1 and state in ('SETTLED', 'FAILED') and tx_id is not null
         and updated_at > now() - interval '7 days'
         and not exists (select 1 from chain_transaction c where c.chain = t.chain and c.tx_id = t.tx_id)`,
      [chain, [...UNSENT_STATES]],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Frees what the transfer held. Coins and nonces of a transaction that a quorum has signed are never freed: anybody
   * who has seen it can send it. A Safe is free for its next transfer once the chain has
   * executed this one, or tried to: a nonce that it has not used up stays reserved.
   */
  private async release(manager: EntityManager, row: TransferRow, to: TransferState): Promise<void> {
    const unsigned = RELEASING_STATES.includes(to) || (to === 'FAILED' && ['READY', 'SIGNING'].includes(row.state));
    if (unsigned) await manager.query('delete from reservation where transfer = $1', [row.id]);
    if (unsigned || to === 'CONFIRMING' || to === 'FAILED')
      await manager.query('delete from busy_safe where transfer = $1', [row.id]);
  }
}
