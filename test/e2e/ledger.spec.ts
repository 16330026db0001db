import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bitcoinAsset, etherAsset, REGTEST } from '@bulkhead/intent';
import {
  depositCredited,
  depositQuarantined,
  depositSeen,
  gasGiftReceived,
  gasSpentForClient,
  transferSent,
  type JournalEntry,
} from '@bulkhead/ledger';
import { DataSource } from 'typeorm';
import { startStack, type Stack } from '../../apps/cli/src/stack/index.js';
import { Charter1795000000001 } from '../../apps/orchestrator/src/charter/persistence/migration.js';
import type { ChainBalances, Checkpoint } from '../../apps/orchestrator/src/ledger/core/chain-balances.js';
import type { IncidentOpener } from '../../apps/orchestrator/src/ledger/core/incident-opener.js';
import { LedgerService } from '../../apps/orchestrator/src/ledger/core/ledger.service.js';
import { ReconciliationService } from '../../apps/orchestrator/src/ledger/core/reconciliation.service.js';
import { WalletFreezer } from '../../apps/orchestrator/src/ledger/core/wallet-freezer.js';
import {
  JournalEntryRow,
  PostingRow,
  ReconciliationRow,
  WalletFreezeRow,
} from '../../apps/orchestrator/src/ledger/persistence/entities.js';
import { Ledger1795000000003 } from '../../apps/orchestrator/src/ledger/persistence/migration.js';
import { Registry1795000000002 } from '../../apps/orchestrator/src/wallets/persistence/migration.js';

const BTC = bitcoinAsset(REGTEST);
const EVM = 'eip155:31337' as const;
const ETH = etherAsset(EVM);
const block = (height: number, hash = `block-${height}`) => ({ chain: REGTEST, height, hash });
const deposit = (transaction: string, over: Partial<Parameters<typeof depositSeen>[0]> = {}) => ({
  owner: 'alpha',
  wallet: 'alpha-btc',
  asset: BTC,
  amount: 100_000n,
  at: block(101),
  transaction,
  position: '0',
  ...over,
});

let folder: string;
let stack: Stack;
let database: DataSource;
let ledger: LedgerService;
const freezer = new WalletFreezer();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-ledger-'));
  stack = await startStack({ root: folder, only: ['postgres'] });
  database = new DataSource({
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
    insert into owner (id, estate, name) values ('alpha', 'CLIENT', 'Alpha'), ('beta', 'CLIENT', 'Beta'), ('house', 'HOUSE', 'House');
    insert into wallet (id, owner, estate, chain, kind, spec) values
      ('alpha-btc', 'alpha', 'CLIENT', '${REGTEST}', 'bitcoin-multisig', '{}'),
      ('beta-btc', 'beta', 'CLIENT', '${REGTEST}', 'bitcoin-multisig', '{}'),
      ('house-gas', 'house', 'HOUSE', '${EVM}', 'gas-payer', '{}')`);
  ledger = new LedgerService(database);
}, 120_000);

afterAll(async () => {
  if (database.isInitialized) await database.destroy();
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Empty books for each test: only the owner of the tables can do this, by switching their triggers off. */
beforeEach(async () => {
  const tables = ['journal_entry', 'posting', 'reconciliation'];
  await database.transaction(async (manager) => {
    for (const table of tables) await manager.query(`alter table ${table} disable trigger user`);
    await manager.query(`truncate ${tables.join(', ')}, wallet_freeze restart identity`);
    for (const table of tables) await manager.query(`alter table ${table} enable trigger user`);
  });
});

const post = (...entries: JournalEntry[]) =>
  database.transaction(async (manager) => {
    for (const entry of entries) await ledger.post(manager, entry);
  });
const entriesOf = (owner: string) => ledger.entries({ owner }, { after: '0', limit: 100 });

describe('the database refuses', () => {
  const header = (id: string, postings = 2) =>
    `insert into journal_entry (id, reference, owner, kind, posting_count) overriding system value
     values (${id}, 'raw-${id}', 'alpha', 'deposit-seen', ${postings});`;
  const line = (entry: string, position: number, values: string) =>
    `insert into posting (entry, position, owner, account, wallet, asset, amount) values (${entry}, ${position}, ${values});`;
  const raw = (sql: string) => database.transaction((manager) => manager.query(sql));

  it('accepts what balances', async () => {
    await raw(
      header('900') +
        line('900', 0, `'alpha', 'WALLET', 'alpha-btc', 'x', 5`) +
        line('900', 1, `'alpha', 'OUTSIDE', null, 'x', -5`),
    );
    expect(await entriesOf('alpha')).toHaveLength(1);
  });

  it.each([
    [
      'an entry that does not balance',
      header('901') +
        line('901', 0, `'alpha', 'WALLET', 'alpha-btc', 'x', 5`) +
        line('901', 1, `'alpha', 'OUTSIDE', null, 'x', -4`),
      'does not balance in x',
    ],
    [
      'an entry that balances over two assets only',
      header('902') +
        line('902', 0, `'alpha', 'WALLET', 'alpha-btc', 'x', 5`) +
        line('902', 1, `'alpha', 'OUTSIDE', null, 'y', -5`),
      'does not balance',
    ],
    ['an entry without postings', header('903'), '0 postings instead of 2'],
    ['an entry that wants one posting', header('904', 1), 'posting_count'],
    [
      'a posting of zero',
      header('905') + line('905', 0, `'alpha', 'WALLET', 'alpha-btc', 'x', 0`),
      'posting_amount_check',
    ],
    [
      'two owners in one entry',
      header('906') +
        line('906', 0, `'alpha', 'WALLET', 'alpha-btc', 'x', 5`) +
        line('906', 1, `'beta', 'OUTSIDE', null, 'x', -5`),
      'posting_entry_owner_fkey',
    ],
    [
      'a wallet of another owner',
      header('907') + line('907', 0, `'alpha', 'WALLET', 'beta-btc', 'x', 5`),
      'posting_wallet_owner_fkey',
    ],
    [
      'a wallet balance without a wallet',
      header('908') + line('908', 0, `'alpha', 'WALLET', null, 'x', 5`),
      'posting_check',
    ],
    [
      'an owner that nobody opened',
      `insert into journal_entry (reference, owner, kind, posting_count) values ('raw', 'nobody', 'gas-spent', 2)`,
      'journal_entry_owner_fkey',
    ],
    [
      'a reversal of another owner’s entry',
      header('909') +
        line('909', 0, `'alpha', 'WALLET', 'alpha-btc', 'x', 5`) +
        line('909', 1, `'alpha', 'OUTSIDE', null, 'x', -5`) +
        `insert into journal_entry (reference, owner, kind, reverses, posting_count) values ('r', 'beta', 'reversal', 909, 2)`,
      'journal_entry_reverses_owner_fkey',
    ],
  ])('%s', async (_what, sql, message) => {
    await expect(raw(sql)).rejects.toThrow(message);
    expect(await ledger.entries({}, { after: '0', limit: 1 })).toEqual([]);
  });

  it('postings added to an entry that was committed before', async () => {
    await post(depositSeen(deposit('aa')));
    const [entry] = await entriesOf('alpha');
    const added = [
      line(entry!.id, 7, `'alpha', 'WALLET', 'alpha-btc', 'x', 5`),
      line(entry!.id, 8, `'alpha', 'OUTSIDE', null, 'x', -5`),
    ].join('');
    await expect(raw(added)).rejects.toThrow('4 postings instead of 2');
  });

  it.each(['journal_entry', 'posting', 'reconciliation'] as const)('every change of %s', async (table) => {
    await post(depositSeen(deposit('aa')));
    const column = { journal_entry: 'kind', posting: 'amount', reconciliation: 'balanced' }[table];
    await expect(raw(`update ${table} set ${column} = ${column}`)).rejects.toThrow('written once');
    await expect(raw(`delete from ${table}`)).rejects.toThrow('written once');
    await expect(raw(`truncate ${table} cascade`)).rejects.toThrow('written once');
    expect(await entriesOf('alpha')).toHaveLength(1);
  });
});

describe('posting', () => {
  it('is done once for each reference', async () => {
    const entry = depositSeen(deposit('aa'));
    await post(entry);
    await post({ ...entry, postings: entry.postings.toReversed() });
    expect(await entriesOf('alpha')).toHaveLength(1);
  });

  it('refuses a reference that stands for something else', async () => {
    await post(depositSeen(deposit('aa')));
    await expect(post(depositSeen(deposit('aa', { amount: 99_999n })))).rejects.toThrow('ledger.reference-reused');
    await expect(post(depositSeen(deposit('aa', { owner: 'beta', wallet: 'beta-btc' })))).rejects.toThrow(
      'ledger.reference-reused',
    );
  });

  it('refuses what is not double entry before the database sees it', async () => {
    const entry = depositSeen(deposit('aa'));
    await expect(post({ ...entry, postings: entry.postings.slice(0, 1) })).rejects.toThrow('ledger.entry-malformed');
    await expect(post({ ...entry, postings: [entry.postings[0]!, entry.postings[0]!] })).rejects.toThrow(
      'ledger.entry-unbalanced',
    );
  });

  it('gives one entry when the same reference is posted at the same time', async () => {
    const entry = depositSeen(deposit('aa'));
    await Promise.all(Array.from({ length: 8 }, () => post(entry)));
    expect(await entriesOf('alpha')).toHaveLength(1);
    expect((await ledger.positions({}))[0]?.walletTotal).toBe(100_000n);
  });

  it('rolls back with its caller', async () => {
    const failing = database.transaction(async (manager) => {
      await ledger.post(manager, depositSeen(deposit('aa')));
      throw new Error('the caller fails');
    });
    await expect(failing).rejects.toThrow('the caller fails');
    expect(await entriesOf('alpha')).toEqual([]);
  });

  it('holds the largest amount that a chain can have', async () => {
    const amount = (1n << 256n) - 1n;
    await post(depositSeen(deposit('aa', { owner: 'house', wallet: 'house-gas', asset: ETH, amount })));
    expect((await ledger.positions({ asset: ETH }))[0]?.walletTotal).toBe(amount);
  });
});

describe('a reorg', () => {
  it('takes back what its block brought, and only that', async () => {
    await post(depositSeen(deposit('aa')), depositSeen(deposit('bb', { at: block(102), amount: 7n })));
    expect(await database.transaction((manager) => ledger.reverseBlock(manager, REGTEST, 'block-102'))).toBe(1);
    expect(await database.transaction((manager) => ledger.reverseBlock(manager, REGTEST, 'block-102'))).toBe(0);
    expect(await database.transaction((manager) => ledger.reverseBlock(manager, EVM, 'block-101'))).toBe(0);
    expect((await ledger.positions({}))[0]).toMatchObject({ walletTotal: 100_000n, pending: 100_000n });
    const [, second, third] = await entriesOf('alpha');
    expect(third).toMatchObject({ kind: 'reversal', reverses: second!.id, reference: `reversal:${second!.reference}` });
  });

  it('lets the same transaction be posted from its new block', async () => {
    await post(depositSeen(deposit('aa')));
    await database.transaction(async (manager) => {
      await ledger.reverseBlock(manager, REGTEST, 'block-101');
      await ledger.post(manager, depositSeen(deposit('aa', { at: block(101, 'other-101') })));
    });
    expect((await ledger.positions({}))[0]).toMatchObject({ walletTotal: 100_000n, pending: 100_000n });
    expect(await entriesOf('alpha')).toHaveLength(3);
  });

  it('that turns back to the first block posts anew, as often as it happens', async () => {
    const entry = depositSeen(deposit('aa'));
    for (let round = 1; round <= 3; round += 1) {
      await post(entry);
      await post(entry);
      expect((await ledger.positions({}))[0]?.walletTotal).toBe(100_000n);
      await database.transaction((manager) => ledger.reverseBlock(manager, REGTEST, 'block-101'));
      expect((await ledger.positions({}))[0]?.walletTotal).toBe(0n);
    }
    expect(await entriesOf('alpha')).toHaveLength(6);
  });
});

describe('positions', () => {
  it('show what is held, what is held back and what may be spent', async () => {
    const gas = { asset: ETH, amount: 9n, at: { ...block(5), chain: EVM }, transaction: '0xaa', position: 'fee' };
    await post(
      depositSeen(deposit('aa')),
      depositCredited(deposit('aa', { at: block(103) })),
      transferSent({ ...deposit('bb', { amount: 40_000n }), fee: { asset: BTC, amount: 154n } }),
      depositSeen(deposit('cc', { amount: 5_000n })),
      depositQuarantined(deposit('dd', { amount: 300n })),
      depositSeen(deposit('ee', { owner: 'beta', wallet: 'beta-btc', amount: 1n })),
      gasSpentForClient({ ...gas, house: 'house', gasPayer: 'house-gas' }),
      gasGiftReceived({ ...gas, client: 'alpha' }),
    );
    const alpha = {
      owner: 'alpha',
      wallet: 'alpha-btc',
      asset: BTC,
      walletTotal: 65_146n,
      pending: 5_000n,
      suspense: 300n,
      available: 59_846n,
    };
    expect(await ledger.positions({ owner: 'alpha' })).toEqual([alpha]);
    expect(await ledger.positions({ wallet: 'alpha-btc', asset: BTC })).toEqual([alpha]);
    expect((await ledger.positions({})).map(({ wallet, available }) => [wallet, available])).toEqual([
      ['alpha-btc', 59_846n],
      ['beta-btc', 0n],
      ['house-gas', -9n],
    ]);
  });

  it('come with their entries, page by page', async () => {
    await post(...['aa', 'bb', 'cc'].map((transaction) => depositSeen(deposit(transaction))));
    const first = await ledger.entries({ owner: 'alpha' }, { after: '0', limit: 2 });
    const rest = await ledger.entries({ owner: 'alpha' }, { after: first[1]!.id, limit: 2 });
    expect([...first, ...rest].map(({ reference }) => reference.split(':')[3])).toEqual(['aa', 'bb', 'cc']);
    expect(first[0]).toMatchObject(depositSeen(deposit('aa')));
    expect(await ledger.entries({ owner: 'beta' }, { after: '0', limit: 2 })).toEqual([]);
  });
});

describe('reconciliation', () => {
  /** A chain that holds what the books say, but for what a test changes. */
  class BookishChain implements ChainBalances {
    readonly off = new Map<string, bigint>();
    movedTimes = 0;
    followed = true;

    checkpoint(_manager: unknown, chain: Checkpoint['chain']): Promise<Checkpoint | undefined> {
      return Promise.resolve(this.followed ? { chain, height: 200, hash: 'tip' } : undefined);
    }

    async balancesAt(checkpoint: Checkpoint, wallets: readonly string[]) {
      if (this.movedTimes > 0) {
        this.movedTimes -= 1;
        return 'MOVED' as const;
      }
      const asset = checkpoint.chain === EVM ? ETH : BTC;
      const positions = await ledger.positions({ asset });
      return wallets.map((wallet) => {
        const held = positions.find((position) => position.wallet === wallet)?.walletTotal ?? 0n;
        return { wallet, asset, amount: held + (this.off.get(wallet) ?? 0n) };
      });
    }
  }

  let chain: BookishChain;
  let opened: Parameters<IncidentOpener['open']>[1][];
  let service: ReconciliationService;
  beforeEach(async () => {
    chain = new BookishChain();
    opened = [];
    const incidents: IncidentOpener = {
      open: (_manager, incident) => Promise.resolve(`incident-${opened.push(incident)}`),
    };
    service = new ReconciliationService(database, ledger, freezer, chain, incidents);
    await post(depositSeen(deposit('aa')), depositQuarantined(deposit('bb', { amount: 11n })));
  });
  const freezeOf = (wallet: string) => freezer.freezeOf(database.manager, wallet);

  it('finds books and chains equal, whatever is held back', async () => {
    const report = await service.reconcile();
    expect(report.balanced).toBe(true);
    expect(report.checkpoints).toEqual([
      { chain: REGTEST, height: 200, hash: 'tip' },
      { chain: EVM, height: 200, hash: 'tip' },
    ]);
    expect(report.lines.map(({ wallet, register, chain: held }) => [wallet, register, held])).toEqual([
      ['alpha-btc', 100_011n, 100_011n],
      ['beta-btc', 0n, 0n],
      ['house-gas', 0n, 0n],
    ]);
    expect(await service.latest()).toEqual(report);
    expect(opened).toEqual([]);
  });

  it('freezes a wallet that is one satoshi short and opens one incident', async () => {
    chain.off.set('alpha-btc', -1n);
    const report = await service.reconcile();
    expect(report.balanced).toBe(false);
    expect(report.lines[0]).toEqual({
      owner: 'alpha',
      wallet: 'alpha-btc',
      asset: BTC,
      register: 100_011n,
      chain: 100_010n,
      difference: -1n,
      block: 200,
    });
    expect(opened).toEqual([
      {
        kind: 'RECONCILIATION_DIFFERENCE',
        owner: 'alpha',
        wallet: 'alpha-btc',
        detail: { asset: BTC, register: '100011', chain: '100010', difference: '-1', block: '200' },
      },
    ]);
    expect(await freezeOf('alpha-btc')).toMatchObject({ incident: 'incident-1' });
    expect(await freezeOf('beta-btc')).toBeUndefined();
    expect(await service.latest()).toEqual(report);

    await service.reconcile();
    expect(opened).toHaveLength(1);
    chain.off.set('alpha-btc', -2n);
    await service.reconcile();
    expect(opened.map(({ detail }) => detail['difference'])).toEqual(['-1', '-2']);
    expect(await freezeOf('alpha-btc')).toMatchObject({ incident: 'incident-1' });
  });

  it('holds a wallet with coins that the books do not know', async () => {
    chain.off.set('beta-btc', 1n);
    expect((await service.reconcile()).balanced).toBe(false);
    expect(await freezeOf('beta-btc')).toBeDefined();
  });

  it('writes neither freeze nor report when the incident cannot be opened', async () => {
    chain.off.set('alpha-btc', -1n);
    const failing: IncidentOpener = { open: () => Promise.reject(new Error('no incident')) };
    const broken = new ReconciliationService(database, ledger, freezer, chain, failing);
    await expect(broken.reconcile()).rejects.toThrow('no incident');
    expect(await freezeOf('alpha-btc')).toBeUndefined();
    expect(await broken.latest()).toBeUndefined();
  });

  it('asks again when a chain has moved on', async () => {
    chain.movedTimes = 2;
    expect((await service.reconcile()).balanced).toBe(true);
  });

  it('says nothing of a chain that was not followed yet', async () => {
    chain.followed = false;
    await expect(service.reconcile()).rejects.toThrow('chain.unavailable');
    expect(await service.latest()).toBeUndefined();
  });

  it('does not take a silent chain for an equal one', async () => {
    chain.balancesAt = () => Promise.resolve([]);
    await expect(service.reconcile()).rejects.toThrow('says nothing');
    expect(await freezeOf('alpha-btc')).toBeUndefined();
  });
});

describe('the migration', () => {
  it('can be taken back and made again', async () => {
    await database.undoLastMigration();
    await expect(database.query('select 1 from posting')).rejects.toThrow('does not exist');
    await database.runMigrations();
    await post(depositSeen(deposit('aa')));
    expect(await entriesOf('alpha')).toHaveLength(1);
  });
});
