import { rmSync } from 'node:fs';
import { bitcoinAsset, REGTEST } from '@bulkhead/intent';
import { type Deposit, type JournalEntry } from '@bulkhead/ledger';
import { DataSource } from 'typeorm';
import { startStack, type Stack } from '../../apps/cli/src/stack/index.js';
import { Charter1795000000001 } from '../../apps/orchestrator/src/charter/persistence/migration.js';
import { LedgerService } from '../../apps/orchestrator/src/ledger/core/ledger.service.js';
import {
  JournalEntryRow,
  PostingRow,
  ReconciliationRow,
  WalletFreezeRow,
} from '../../apps/orchestrator/src/ledger/persistence/entities.js';
import { Ledger1795000000003 } from '../../apps/orchestrator/src/ledger/persistence/migration.js';
import { Registry1795000000002 } from '../../apps/orchestrator/src/wallets/persistence/migration.js';
import { preparedParts } from './prepared-state.js';

export const BTC = bitcoinAsset(REGTEST);
export const EVM = 'eip155:31337' as const;

export const block = (height: number, hash = `block-${height}`) => ({ chain: REGTEST, height, hash });

/** 100,000 satoshi for Alpha, but for what a test changes. */
export const deposit = (transaction: string, over: Partial<Deposit> = {}): Deposit => ({
  owner: 'alpha',
  wallet: 'alpha-btc',
  asset: BTC,
  amount: 100_000n,
  at: block(101),
  transaction,
  position: '0',
  ...over,
});

/** The books on a real PostgreSQL server, with clients Alpha and Beta, the house, and a wallet of each. */
export class LedgerBench {
  private constructor(
    readonly database: DataSource,
    readonly ledger: LedgerService,
    private readonly stack: Stack,
    private readonly folder: string,
  ) {}

  static async start(): Promise<LedgerBench> {
    const folder = await preparedParts('ledger');
    const stack = await startStack({ root: folder, only: ['postgres'] });
    const database = new DataSource({
      type: 'postgres',
      url: stack.postgres.databaseUrl('orchestrator'),
      entities: [JournalEntryRow, PostingRow, WalletFreezeRow, ReconciliationRow],
      migrations: [Charter1795000000001, Registry1795000000002, Ledger1795000000003],
      migrationsTransactionMode: 'each',
      installExtensions: false,
    });
    await database.initialize();
    await database.runMigrations();
    await database.query(`
      insert into owner (id, estate, name) values
        ('alpha', 'CLIENT', 'Alpha'), ('beta', 'CLIENT', 'Beta'), ('house', 'HOUSE', 'House');
      insert into wallet (id, owner, estate, chain, kind, spec) values
        ('alpha-btc', 'alpha', 'CLIENT', '${REGTEST}', 'bitcoin-multisig', '{}'),
        ('beta-btc', 'beta', 'CLIENT', '${REGTEST}', 'bitcoin-multisig', '{}'),
        ('house-gas', 'house', 'HOUSE', '${EVM}', 'gas-payer', '{}')`);
    return new LedgerBench(database, new LedgerService(database), stack, folder);
  }

  /** Only the owner of the tables can do this, by switching their triggers off. */
  async emptyBooks(): Promise<void> {
    const tables = ['journal_entry', 'posting', 'reconciliation'];
    await this.database.transaction(async (manager) => {
      for (const table of tables) await manager.query(`alter table ${table} disable trigger user`);
      await manager.query(`truncate ${tables.join(', ')}, wallet_freeze restart identity`);
      for (const table of tables) await manager.query(`alter table ${table} enable trigger user`);
    });
  }

  /** All in one transaction. */
  post(...entries: JournalEntry[]): Promise<void> {
    return this.database.transaction(async (manager) => {
      for (const entry of entries) await this.ledger.post(manager, entry);
    });
  }

  entriesOf(owner: string) {
    return this.ledger.entries({ owner }, { after: '0', limit: 100 });
  }

  async stop(): Promise<void> {
    await this.database.destroy();
    await this.stack.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
