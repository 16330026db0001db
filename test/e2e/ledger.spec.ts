import { etherAsset, REGTEST } from '@bulkhead/intent';
import {
  depositCredited,
  depositQuarantined,
  depositSeen,
  gasGiftReceived,
  gasSpentForClient,
  transferSent,
  type JournalEntry,
} from '@bulkhead/ledger';
import type { DataSource } from 'typeorm';
import type { LedgerService } from '../../apps/orchestrator/src/ledger/core/ledger.service.js';
import { block, BTC, deposit, EVM, LedgerBench } from '../support/ledger-bench.js';

const ETH = etherAsset(EVM);

let bench: LedgerBench;
let database: DataSource;
let ledger: LedgerService;
beforeAll(async () => {
  bench = await LedgerBench.start();
  ({ database, ledger } = bench);
}, 120_000);
beforeEach(() => bench.emptyBooks());
afterAll(() => bench.stop(), 60_000);

const post = (...entries: JournalEntry[]) => bench.post(...entries);
const entriesOf = (owner: string) => bench.entriesOf(owner);

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

describe('the migration', () => {
  it('can be taken back and made again', async () => {
    await database.undoLastMigration();
    await expect(database.query('select 1 from posting')).rejects.toThrow('does not exist');
    await database.runMigrations();
    await post(depositSeen(deposit('aa')));
    expect(await entriesOf('alpha')).toHaveLength(1);
  });
});
