import { etherAsset, REGTEST } from '@bulkhead/intent';
import { depositQuarantined, depositSeen, type JournalEntry } from '@bulkhead/ledger';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { serveOpenApi } from '../../apps/orchestrator/src/http/openapi.js';
import { ProblemFilter } from '../../apps/orchestrator/src/http/problem.filter.js';
import { validationPipe } from '../../apps/orchestrator/src/http/validation.js';
import {
  CHAIN_BALANCES,
  type ChainBalances,
  type Checkpoint,
} from '../../apps/orchestrator/src/ledger/core/chain-balances.js';
import { INCIDENT_OPENER, type IncidentOpener } from '../../apps/orchestrator/src/ledger/core/incident-opener.js';
import { LedgerService } from '../../apps/orchestrator/src/ledger/core/ledger.service.js';
import { ReconciliationService } from '../../apps/orchestrator/src/ledger/core/reconciliation.service.js';
import { WalletFreezer } from '../../apps/orchestrator/src/ledger/core/wallet-freezer.js';
import { LedgerController } from '../../apps/orchestrator/src/ledger/http/ledger.controller.js';
import { ReconciliationsController } from '../../apps/orchestrator/src/ledger/http/reconciliations.controller.js';
import {
  entriesPageSchema,
  positionViewSchema,
  reconciliationViewSchema,
} from '../../apps/orchestrator/src/ledger/http/views.js';
import { BTC, deposit, EVM, LedgerBench } from '../support/ledger-bench.js';

const ETH = etherAsset(EVM);
const freezer = new WalletFreezer();

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

describe('reconciliation', () => {
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

  it('freezes a wallet that is one satoshi short and opens an incident', async () => {
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
        kind: 'reconciliation.difference',
        owner: 'alpha',
        wallet: 'alpha-btc',
        detail: { asset: BTC, register: '100011', chain: '100010', difference: '-1', block: '200' },
      },
    ]);
    expect(await freezeOf('alpha-btc')).toMatchObject({ incident: 'incident-1' });
    expect(await freezeOf('beta-btc')).toBeUndefined();
    expect(await service.latest()).toEqual(report);

    expect((await service.reconcile()).id).not.toBe(report.id);
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

describe('the books over HTTP', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    const module = await Test.createTestingModule({
      controllers: [LedgerController, ReconciliationsController],
      providers: [
        LedgerService,
        WalletFreezer,
        ReconciliationService,
        { provide: DataSource, useValue: database },
        { provide: CHAIN_BALANCES, useValue: new BookishChain() },
        { provide: INCIDENT_OPENER, useValue: { open: () => Promise.resolve('incident-1') } },
      ],
    }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    app.useLogger(false);
    app.useGlobalPipes(validationPipe());
    app.useGlobalFilters(new ProblemFilter());
    serveOpenApi(app);
    await app.init();
  });
  afterAll(() => app.close());
  const get = async (url: string) => {
    const answer = await app.inject({ url });
    return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
  };

  it('gives positions and entries as their schemas say, amounts as decimal strings', async () => {
    await post(depositSeen(deposit('aa')), depositSeen(deposit('bb', { amount: 7n })));
    const positions = await get(`/v1/ledger/positions?owner=alpha&asset=${encodeURIComponent(BTC)}`);
    expect(z.array(positionViewSchema).parse(positions.body)).toEqual([
      {
        owner: 'alpha',
        wallet: 'alpha-btc',
        asset: BTC,
        walletTotal: '100007',
        pending: '100007',
        suspense: '0',
        available: '0',
      },
    ]);
    const first = entriesPageSchema.parse((await get('/v1/ledger/entries?owner=alpha&limit=1')).body);
    expect(first.entries[0]?.postings[1]).toMatchObject({ account: 'PENDING', amount: '-100000' });
    const rest = entriesPageSchema.parse((await get(`/v1/ledger/entries?after=${first.next ?? ''}`)).body);
    expect(rest.entries.map(({ reference }) => reference.split(':')[3])).toEqual(['bb']);
    expect(rest.next).toBeNull();
  });

  it('reconciles, and shows what was found last', async () => {
    expect(await get('/v1/reconciliations/latest')).toMatchObject({ status: 404, body: { code: 'request.not-found' } });
    await post(depositSeen(deposit('aa')));
    const done = await app.inject({ method: 'POST', url: '/v1/reconciliations' });
    expect(done.statusCode).toBe(200);
    const report = reconciliationViewSchema.parse(done.json());
    expect(report.balanced).toBe(true);
    expect(report.lines[0]).toMatchObject({
      wallet: 'alpha-btc',
      register: '100000',
      chain: '100000',
      difference: '0',
    });
    expect((await get('/v1/reconciliations/latest')).body).toEqual(report);
  });

  it.each([
    '/v1/ledger/positions?asset=gold',
    '/v1/ledger/positions?owner=Alpha%20',
    '/v1/ledger/positions?unknown=1',
    '/v1/ledger/positions?owner=alpha&owner=beta',
    '/v1/ledger/entries?limit=0',
    '/v1/ledger/entries?limit=1e3',
    '/v1/ledger/entries?after=-1',
    '/v1/ledger/entries?after=99999999999999999999',
  ])('refuses %s', async (url) => {
    expect(await get(url)).toMatchObject({ status: 400, body: { code: 'request.malformed' } });
  });

  it('is described in OpenAPI', async () => {
    const { body } = await get('/openapi.json');
    const paths = body['paths'] as Record<string, { get?: { parameters: { name: string }[]; responses: object } }>;
    expect(paths['/v1/ledger/entries']?.get?.parameters.map(({ name }) => name)).toEqual(['owner', 'after', 'limit']);
    expect(JSON.stringify(paths['/v1/ledger/positions']?.get?.responses)).toContain('walletTotal');
  });
});
