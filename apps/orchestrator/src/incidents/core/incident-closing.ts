import { Injectable } from '@nestjs/common';
import type { Act } from '@bulkhead/charter';
import { accepted, refused, RefusalError, type AssetId, type ChainId, type Result } from '@bulkhead/intent';
import { depositReleased } from '@bulkhead/ledger';
import { DataSource, type EntityManager } from 'typeorm';
import { LedgerService } from '../../ledger/core/ledger.service.js';
import { FREEZING_KINDS, IncidentRow } from '../persistence/entities.js';

type Closing = Extract<Act, { kind: 'incident.close' }>;

interface QuarantinedDeposit {
  readonly id: string;
  readonly owner: string;
  readonly wallet: string;
  readonly asset: AssetId;
  readonly amount: string;
  readonly chain: ChainId;
  readonly tx_id: string;
  readonly position: string;
  readonly block_hash: string;
  readonly height: number;
  readonly is_due: boolean;
}

/** Ends incidents as the charter says: lifts the freeze that one put on its wallet, releases what one held. */
@Injectable()
export class IncidentClosing {
  constructor(
    private readonly database: DataSource,
    private readonly ledger: LedgerService,
  ) {}

  /** Whether there is such an incident to close now, and anything to release where the act says so. */
  async check(act: Act, manager = this.database.manager): Promise<Result<true>> {
    if (act.kind !== 'incident.close') return accepted(true);
    const row = await manager.findOneBy(IncidentRow, { id: act.incident });
    if (!row) return refused('request.not-found', 'No such incident.', { incident: act.incident });
    if (row.status === 'CLOSED') return refused('intent.state', 'The incident is closed.', { incident: act.incident });
    if (!act.release) return accepted(true);
    const deposit = await this.quarantined(manager, row);
    if (!deposit) {
      return refused('intent.state', 'The incident holds no deposit that could be released.', { incident: row.id });
    }
    return deposit.is_due
      ? accepted(true)
      : refused('intent.state', 'The deposit lacks confirmations: release it later.', { incident: row.id });
  }

  /**
   * Closes it in the transaction of the entry that says so. One that is not known here is passed over: the entry may have
   * been enacted by a database that was lost since. Throws the refusal of one that can no longer be released.
   */
  async close(manager: EntityManager, act: Closing, intent: string): Promise<void> {
    const row = await manager.findOne(IncidentRow, {
      where: { id: act.incident, status: 'OPEN' },
      lock: { mode: 'pessimistic_write' },
    });
    if (!row) return;
    const checked = await this.check(act, manager);
    if (!checked.ok) throw new RefusalError(checked.refusal);
    if (act.release) await this.release(manager, row);
    const closed = { status: 'CLOSED', closedBy: intent, resolution: act.resolution, closedAt: new Date() } as const;
    await manager.update(IncidentRow, { id: row.id }, closed);
    if (row.wallet !== null) await this.lift(manager, row.id, row.wallet);
  }

  /** The wallet stays frozen while another of its incidents is open: by that one, then. */
  private async lift(manager: EntityManager, incident: string, wallet: string): Promise<void> {
    await manager.query('delete from wallet_freeze where wallet = $1 and incident = $2', [wallet, incident]);
    await manager.query(
      `insert into wallet_freeze (wallet, reason, incident)
       select wallet, kind, id from incident where wallet = $1 and status = 'OPEN' and kind = any($2)
       order by at limit 1 on conflict do nothing`,
      [wallet, [...FREEZING_KINDS]],
    );
  }

  /** It is the wallet's from here on, in the books and for coin selection. */
  private async release(manager: EntityManager, incident: IncidentRow): Promise<void> {
    const deposit = await this.quarantined(manager, incident);
    if (!deposit) throw new Error(`incident ${incident.id} was checked to hold a deposit`);
    const { owner, wallet, asset, amount, chain, tx_id: transaction, position, block_hash: hash, height } = deposit;
    const at = { chain, hash, height };
    const entry = depositReleased({ at, transaction, position, owner, wallet, asset, amount: BigInt(amount) });
    await this.ledger.post(manager, entry);
    await manager.query(`update deposit set status = 'CREDITED', credited_block = block_hash where id = $1`, [
      deposit.id,
    ]);
    await manager.query(
      `update coin set status = 'AVAILABLE'
       where chain = $1 and txid = $2 and vout::text = $3 and status = 'QUARANTINED'`,
      [chain, transaction, position],
    );
  }

  private async quarantined(manager: EntityManager, { key }: IncidentRow): Promise<QuarantinedDeposit | undefined> {
    const [deposit]: QuarantinedDeposit[] = await manager.query(
      `select id, owner, wallet, asset, amount, chain, tx_id, position, block_hash, height,
         due_height <= (select max(height) from block where block.chain = deposit.chain) as is_due
       from deposit
       where status = 'QUARANTINED' and 'deposit.quarantined:' || chain || ':' || tx_id || ':' || position = $1`,
      [key],
    );
    return deposit;
  }
}
