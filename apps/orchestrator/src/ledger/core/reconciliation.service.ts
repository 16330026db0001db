import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { refused, RefusalError, type ChainId } from '@bulkhead/intent';
import { DataSource, type EntityManager } from 'typeorm';
import { ReconciliationRow } from '../persistence/entities.js';
import { reportOf, storedReport } from '../persistence/stored-report.js';
import { CHAIN_BALANCES, type ChainBalances, type Checkpoint } from './chain-balances.js';
import { INCIDENT_OPENER, type IncidentOpener } from './incident-opener.js';
import {
  compareWithChain,
  type ReconciliationLine,
  type ReconciliationReport,
  type RegisterTotal,
} from './reconciliation-report.js';
import { LedgerService } from './ledger.service.js';
import { WalletFreezer } from './wallet-freezer.js';

/** A chain moves on while it is asked; so often a new checkpoint is taken, this far apart. */
const ATTEMPTS = 40;
const RETRY_AFTER_MS = 250;
/** One reconciliation writes at a time, so that a difference opens one incident. */
const RECONCILIATION_LOCK = 0x62_68_03;

interface ChainSnapshot {
  readonly checkpoint: Checkpoint;
  readonly ownerOf: ReadonlyMap<string, string>;
  readonly register: readonly RegisterTotal[];
}

/** Invariant 9: for each owner, wallet and asset, the register of positions equals the chain at each checkpoint. */
@Injectable()
export class ReconciliationService {
  constructor(
    private readonly database: DataSource,
    private readonly ledger: LedgerService,
    private readonly freezer: WalletFreezer,
    @Inject(CHAIN_BALANCES) private readonly balances: ChainBalances,
    @Inject(INCIDENT_OPENER) private readonly incidents: IncidentOpener,
  ) {}

  /**
   * Compares every wallet with its chain. A difference freezes the wallet and opens an incident, in one transaction
   * with the report; nothing is ever corrected by it.
   * Throws a RefusalError `chain.unavailable` when a chain cannot be compared: then nothing was found out.
   */
  async reconcile(): Promise<ReconciliationReport> {
    const chains = await this.database.query<{ chain: ChainId }[]>('select distinct chain from wallet order by chain');
    const parts = await Promise.all(chains.map(({ chain }) => this.compare(chain)));
    const lines = parts.flatMap((part) => part.lines);
    return this.database.transaction((manager) =>
      this.record(manager, {
        at: new Date(),
        balanced: lines.every(({ difference }) => difference === 0n),
        checkpoints: parts.map(({ checkpoint }) => checkpoint),
        lines,
      }),
    );
  }

  /** The newest report; undefined before the first. */
  async latest(): Promise<ReconciliationReport | undefined> {
    const [row] = await this.database.manager.find(ReconciliationRow, { order: { id: 'DESC' }, take: 1 });
    return row && reportOf(row);
  }

  private async compare(chain: ChainId): Promise<{ checkpoint: Checkpoint; lines: readonly ReconciliationLine[] }> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const { checkpoint, ownerOf, register } = await this.snapshot(chain);
      const balances = await this.balances.balancesAt(checkpoint, [...ownerOf.keys()]);
      if (balances !== 'MOVED') {
        return { checkpoint, lines: compareWithChain(checkpoint, ownerOf, register, balances) };
      }
      await sleep(RETRY_AFTER_MS);
    }
    throw unavailable(chain, 'The chain did not stand still at a block that the follower has read; ask again.');
  }

  /** Cursor, wallets and totals as they were at one moment. */
  private async snapshot(chain: ChainId): Promise<ChainSnapshot> {
    return this.database.transaction('REPEATABLE READ', async (manager) => {
      const checkpoint = await this.balances.checkpoint(manager, chain);
      if (!checkpoint) throw unavailable(chain, 'This chain has not been followed yet.');
      const wallets: { id: string; owner: string }[] = await manager.query(
        'select id, owner from wallet where chain = $1 order by id',
        [chain],
      );
      const ownerOf = new Map(wallets.map(({ id, owner }) => [id, owner]));
      const positions = await this.ledger.positions({}, manager);
      const register = positions
        .filter(({ wallet }) => ownerOf.has(wallet))
        .map(({ owner, wallet, asset, walletTotal }) => ({ owner, wallet, asset, amount: walletTotal }));
      return { checkpoint, ownerOf, register };
    });
  }

  private async record(manager: EntityManager, found: Omit<ReconciliationReport, 'id'>): Promise<ReconciliationReport> {
    await manager.query('select pg_advisory_xact_lock($1)', [RECONCILIATION_LOCK]);
    for (const line of found.lines) if (line.difference !== 0n) await this.hold(manager, line);
    const inserted: { id: string }[] = await manager.query(
      'insert into reconciliation (at, balanced, report) values ($1, $2, $3) returning id',
      [found.at, found.balanced, JSON.stringify(storedReport(found))],
    );
    const id = inserted[0]?.id;
    if (id === undefined) throw new Error('an insert that returns its id gave none');
    return { id, ...found };
  }

  private async hold(manager: EntityManager, line: ReconciliationLine): Promise<void> {
    const { owner, wallet, asset, register, chain, difference, block } = line;
    const incident = await this.incidents.open(manager, {
      kind: 'reconciliation.difference',
      owner,
      wallet,
      detail: {
        asset,
        register: register.toString(),
        chain: chain.toString(),
        difference: difference.toString(),
        block: block.toString(),
      },
    });
    await this.freezer.freeze(manager, wallet, 'The register and the chain differ.', incident);
  }
}

const unavailable = (chain: ChainId, detail: string): RefusalError =>
  new RefusalError(refused('chain.unavailable', detail, { chain }).refusal);
