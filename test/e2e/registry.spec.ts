import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Act } from '@bulkhead/charter';
import { DataSource } from 'typeorm';
import { startStack, type Stack } from '../../apps/cli/src/stack/index.js';
import { MIGRATIONS } from '../../apps/orchestrator/src/database/database-options.js';
import type { JobsService } from '../../apps/orchestrator/src/jobs/jobs.service.js';
import { RegistryProjection } from '../../apps/orchestrator/src/wallets/core/registry.projection.js';
import { ManagedAddressRow, OwnerRow, WalletRow } from '../../apps/orchestrator/src/wallets/persistence/entities.js';
import { CharterBuilder, type EntryOptions } from '../support/charter-builder.js';
import { after } from '../support/key-acts.js';
import { bitcoinWallet, SIGNER_RECORDS } from '../support/wallets.js';

const CHAIN = 'bip122:0f9188f13cb7b2c71f2a335e3a4fc328';

/** The database's own walls, without any of our code in front of them. */
describe('the registry of addresses in PostgreSQL', () => {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-registry-'));
  let stack: Stack;
  let database: DataSource;

  beforeAll(async () => {
    stack = await startStack({ root, only: ['postgres'] });
    database = await new DataSource({
      type: 'postgres',
      url: stack.postgres.databaseUrl('orchestrator'),
      installExtensions: false,
      entities: [OwnerRow, WalletRow, ManagedAddressRow],
      migrations: MIGRATIONS,
      migrationsRun: true,
    }).initialize();
    await database.query(`
      insert into owner (id, estate, name) values ('alpha', 'CLIENT', 'Alpha'), ('house', 'HOUSE', 'House');
      insert into wallet (id, owner, estate, chain, kind, spec) values
        ('alpha-btc', 'alpha', 'CLIENT', '${CHAIN}', 'bitcoin-multisig', '{}'),
        ('house-btc', 'house', 'HOUSE', '${CHAIN}', 'bitcoin-multisig', '{}')`);
    await address('bcrt1qalpha', 'alpha-btc', 'alpha', 'CLIENT', 0);
  }, 60_000);

  afterAll(async () => {
    await database.destroy();
    await stack.stop();
    rmSync(root, { recursive: true, force: true });
  }, 60_000);

  const address = (key: string, wallet: string, owner: string, estate: string, index: number): Promise<unknown> =>
    database.query(
      `insert into managed_address (chain, address_key, address, wallet, owner, estate, branch, idx)
       values ($1, $2, $2, $3, $4, $5, 0, $6)`,
      [CHAIN, key, wallet, owner, estate, index],
    );

  it('gives an address to one owner only', async () => {
    await expect(address('bcrt1qalpha', 'house-btc', 'house', 'HOUSE', 0)).rejects.toThrow('managed_address_pkey');
  });

  it('gives no address of a wallet to another owner, and no owner another estate', async () => {
    await expect(address('bcrt1qnew', 'alpha-btc', 'house', 'HOUSE', 1)).rejects.toThrow('foreign key');
    await expect(address('bcrt1qnew', 'alpha-btc', 'alpha', 'HOUSE', 1)).rejects.toThrow('foreign key');
  });

  it.each([
    `update managed_address set owner = 'house', estate = 'HOUSE', wallet = 'house-btc'`,
    `update managed_address set address = 'bcrt1qother'`,
    `delete from managed_address`,
    `truncate managed_address`,
    `update owner set estate = 'HOUSE' where id = 'alpha'`,
    `delete from owner where id = 'alpha'`,
    `update wallet set owner = 'house' where id = 'alpha-btc'`,
  ])('refuses: %s', async (statement) => {
    await expect(database.query(statement)).rejects.toThrow(/is refused/);
    const rows = await database.query<unknown[]>(`select owner, estate, wallet from managed_address`);
    expect(rows).toEqual([{ owner: 'alpha', estate: 'CLIENT', wallet: 'alpha-btc' }]);
  });

  it('notes an address as issued once, and changes nothing else with it', async () => {
    await database.query(`update managed_address set issued_at = now() where address_key = 'bcrt1qalpha'`);
    await expect(database.query(`update managed_address set issued_at = now()`)).rejects.toThrow(/is refused/);
  });

  it('takes up a wallet when its opening is in force, not while it waits or was vetoed', async () => {
    const charter = CharterBuilder.start(SIGNER_RECORDS, {
      genesis: { rules: { delaySeconds: { 'wallet.open': 60 } } },
    });
    const jobs = { enqueue: () => Promise.reject(new Error('no job is for a multisig wallet')) };
    const projection = new RegistryProjection(jobs as unknown as JobsService);
    const enact = async (act: Act, options?: EntryOptions) => {
      const before = charter.state;
      const entry = charter.append(act, options);
      await database.transaction((manager) => projection.project(manager, entry, before, charter.state));
      return entry.intent.id;
    };
    const taken = () =>
      database.query<unknown[]>(`select distinct wallet, owner from managed_address where owner = 'beta'`);
    await enact({ kind: 'client.open', owner: { id: 'beta', name: 'Beta' } });
    const vetoed = await enact({ kind: 'wallet.open', wallet: bitcoinWallet('beta-one', 'beta') });
    await enact({ kind: 'pending.veto', intent: vetoed });
    const waiting = await enact({ kind: 'wallet.open', wallet: bitcoinWallet('beta-two', 'beta') });
    expect(await taken()).toEqual([]);
    await enact({ kind: 'pending.enact', intent: waiting }, after(61));
    expect(await taken()).toEqual([{ wallet: 'beta-two', owner: 'beta' }]);
  });

  it('goes down and up again exactly', async () => {
    for (let left = MIGRATIONS.length; left > 0; left -= 1) await database.undoLastMigration();
    const left = await database.query<{ relname: string }[]>(
      `select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = 'public' and relkind in ('r', 'S') and relname not like 'migrations%'`,
    );
    expect(left).toEqual([]);
    expect(
      await database.query<unknown[]>(`select proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where n.nspname = 'public'`),
    ).toEqual([]);
    await database.runMigrations();
  });
});
