import { jest } from '@jest/globals';
import { buildPsbt, deriveAddress, finalisePsbt, signingDigests, type FinalTransaction } from '@bulkhead/bitcoin';
import { bitcoinSpec } from '@bulkhead/charter';
import { orThrow, REGTEST, type RefusalError } from '@bulkhead/intent';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { satoshi } from '../../apps/cli/src/stack/index.js';
import { BitcoinClient } from '../../apps/orchestrator/src/chains/bitcoin-client.js';
import { EthereumClient } from '../../apps/orchestrator/src/chains/ethereum-client.js';
import { ChainsController } from '../../apps/orchestrator/src/chains/http/chains.controller.js';
import { DepositsService } from '../../apps/orchestrator/src/deposits/core/deposits.service.js';
import { DepositsController } from '../../apps/orchestrator/src/deposits/http/deposits.controller.js';
import { depositViewSchema } from '../../apps/orchestrator/src/deposits/http/views.js';
import { CoinRow } from '../../apps/orchestrator/src/deposits/persistence/entities.js';
import { ProblemFilter } from '../../apps/orchestrator/src/http/problem.filter.js';
import { validationPipe } from '../../apps/orchestrator/src/http/validation.js';
import { IncidentsService } from '../../apps/orchestrator/src/incidents/core/incidents.service.js';
import { IncidentsController } from '../../apps/orchestrator/src/incidents/http/incidents.controller.js';
import { incidentViewSchema } from '../../apps/orchestrator/src/incidents/http/views.js';
import { ANVIL } from '../support/charter-builder.js';
import { addressOf, BTC, strangersAddress } from '../support/custody-firm.js';
import { CONFIRMATIONS, FollowerBench } from '../support/follower-bench.js';

jest.setTimeout(60_000);

const NOTHING = { total: 0n, pending: 0n, suspense: 0n, available: 0n };

let bench: FollowerBench;
beforeAll(async () => {
  bench = await FollowerBench.start('bitcoind');
}, 120_000);
afterAll(() => bench.stop(), 60_000);
afterEach(async () => {
  await bench.follow();
  expect(await bench.differences()).toEqual([]);
});

const faucet = () => bench.stack.bitcoind.faucet;
const rpc = () => bench.stack.bitcoind.rpc;
const held = (wallet: string) => bench.held(wallet, BTC);
const mineAndFollow = async (blocks = 1) => {
  const hashes = await faucet().mine(blocks);
  await bench.follow();
  return hashes;
};
const depositsOf = async (wallet: string) =>
  (await bench.deposits.list({ wallet })).map(({ row, confirmations }) => [row.status, row.amount, confirmations]);
const coin = (txid: string, wallet: string) => bench.database.manager.findOneByOrFail(CoinRow, { txid, wallet });

/** A payment out of a wallet, signed by its quorum, with what the register knows of its coins. */
async function pay(wallet: 'alpha' | 'beta' | 'house', to: string, amountSat: bigint): Promise<FinalTransaction> {
  const spec = bitcoinSpec(bench.firm.bitcoin[wallet]);
  const rows = await bench.database.manager.findBy(CoinRow, { wallet: `${wallet}-btc`, status: 'AVAILABLE' });
  const coins = rows
    .filter(({ spentBy }) => spentBy === null)
    .map(({ txid, vout, amount, branch, idx, rawTransaction }) => ({
      ...{ txid, vout, branch, index: idx },
      ...{ amountSat: BigInt(amount), previousTransaction: rawTransaction },
    }));
  const payments = [{ address: to, amountSat }];
  const change = { branch: 1 as const, index: 0 };
  const { psbt } = orThrow(buildPsbt({ spec, coins, payments, change, feeRateSatVb: 5n, maxFeeSat: 50_000n }));
  const own = new Map(
    ([0, 1] as const).flatMap((branch) =>
      [0, 1, 2, 3, 4].map((index) => [deriveAddress(spec, branch, index).scriptPubKey, { branch, index }]),
    ),
  );
  const digests = orThrow(signingDigests(psbt, spec, (script) => own.get(script)));
  const signatures = digests.flatMap(({ inputIndex, digest }) =>
    (bench.keys.get(`${wallet}-btc`) ?? []).map((key) => ({
      inputIndex,
      publicKey: key.publicKey,
      signature: key.sign(digest),
    })),
  );
  return orThrow(finalisePsbt(psbt, spec, signatures));
}

/** Sends a payment of a wallet and, when `known`, lets the register know it as a transfer. Gives its fee. */
async function send(wallet: 'alpha' | 'house', to: string, amount: bigint, purpose?: 'PAYMENT' | 'FEE_INVOICE') {
  const final = await pay(wallet, to, amount);
  if (purpose) {
    await bench.knowTransfer({ wallet: `${wallet}-btc`, asset: BTC, amount, payee: to, purpose, txId: final.txid });
  }
  orThrow(await bench.bitcoin.sendRawTransaction(final.rawTransaction));
  const { fees } = await rpc().call<{ fees: { base: number } }>('getmempoolentry', final.txid);
  return { txid: final.txid, fee: satoshi(fees.base), raw: final.rawTransaction };
}

describe('the first start', () => {
  it('takes up no work on a chain whose node is away: what arrives before its first block is never seen', async () => {
    await expect(bench.follower(ANVIL).begun()).rejects.toMatchObject({ refusal: { code: 'chain.unavailable' } });
    await bench.database.query(`insert into block (chain, height, hash, parent) values ($1, 0, $2, $2)`, [ANVIL, '0x']);
    await bench.follower(ANVIL).begun();
    await bench.database.query('delete from block where chain = $1', [ANVIL]);
  });
});

describe('a deposit of bitcoin', () => {
  const address = () => addressOf(bench.firm.bitcoin.beta);

  it('waits for its confirmations and is credited with the last one', async () => {
    const txid = await faucet().pay(address(), 150_000n);
    await mineAndFollow();
    expect(await depositsOf('beta-btc')).toEqual([['PENDING', '150000', 1]]);
    expect(await held('beta-btc')).toEqual({ total: 150_000n, pending: 150_000n, suspense: 0n, available: 0n });
    expect(await coin(txid, 'beta-btc')).toMatchObject({ status: 'PENDING', branch: 0, idx: 0 });
    await mineAndFollow(CONFIRMATIONS - 1);
    expect(await depositsOf('beta-btc')).toEqual([['CREDITED', '150000', CONFIRMATIONS]]);
    expect(await held('beta-btc')).toEqual({ total: 150_000n, pending: 0n, suspense: 0n, available: 150_000n });
    expect(await coin(txid, 'beta-btc')).toMatchObject({ status: 'AVAILABLE' });
  });

  it('waits again when a reorg takes its last confirmation away', async () => {
    const tip = await rpc().call<string>('getbestblockhash');
    await rpc().call('invalidateblock', tip);
    await bench.follow();
    expect(await depositsOf('beta-btc')).toEqual([['PENDING', '150000', CONFIRMATIONS - 1]]);
    expect((await held('beta-btc')).available).toBe(0n);
    await mineAndFollow();
    expect(await depositsOf('beta-btc')).toEqual([['CREDITED', '150000', CONFIRMATIONS]]);
  });

  it('is taken back when a reorg takes its block away, and credited again from another block', async () => {
    const { blockHash, txid } = await bench.database.manager.findOneByOrFail(CoinRow, { wallet: 'beta-btc' });
    await rpc().call('invalidateblock', blockHash);
    await bench.follow();
    expect(await depositsOf('beta-btc')).toEqual([['REVERSED', '150000', 0]]);
    expect(await held('beta-btc')).toEqual(NOTHING);
    expect(await bench.database.manager.countBy(CoinRow, { txid })).toBe(0);
    await mineAndFollow(CONFIRMATIONS);
    expect((await depositsOf('beta-btc')).map(([status]) => status).sort()).toEqual(['CREDITED', 'REVERSED']);
    expect(await held('beta-btc')).toEqual({ total: 150_000n, pending: 0n, suspense: 0n, available: 150_000n });
    expect((await coin(txid, 'beta-btc')).blockHash).not.toBe(blockHash);
  });

  it('to a coinbase output can be spent only when the network lets it be', async () => {
    const [hash] = await rpc().call<string[]>('generatetoaddress', 1, addressOf(bench.firm.bitcoin.beta, 0, 1));
    await mineAndFollow(98);
    const { row } = (await bench.deposits.list({ wallet: 'beta-btc', status: 'PENDING' }))[0]!;
    expect(row.blockHash).toBe(hash);
    await mineAndFollow();
    expect((await bench.deposits.find(row.id))?.row.status).toBe('CREDITED');
  });
});

describe('a deposit from another compartment', () => {
  it('from a declared address of the house into a client wallet is quarantined with an incident', async () => {
    await rpc().call('createwallet', 'treasury');
    const treasury = rpc().withWallet('treasury');
    const address = await treasury.call<string>('getnewaddress', '', 'bech32');
    await bench.enact({ kind: 'proprietary-address.declare', owner: 'house', chain: REGTEST, address, label: 'desk' });
    await faucet().pay(address, 300_000n);
    await mineAndFollow();
    const txid = await treasury.call<string>('sendtoaddress', addressOf(bench.firm.bitcoin.alpha), '0.001');
    await mineAndFollow(CONFIRMATIONS);
    expect(await held('alpha-btc')).toEqual({ total: 100_000n, pending: 0n, suspense: 100_000n, available: 0n });
    expect(await coin(txid, 'alpha-btc')).toMatchObject({ status: 'QUARANTINED' });
    const [incident] = await bench.incidents.list({ wallet: 'alpha-btc' });
    expect(incident).toMatchObject({ kind: 'deposit.quarantined', owner: 'alpha', status: 'OPEN' });
    expect(incident?.detail).toMatchObject({ from: address, fromOwner: 'house', amount: '100000', transaction: txid });
  });

  it('from a client into a house wallet is quarantined, and the spend that nobody asked for freezes the client', async () => {
    await faucet().pay(addressOf(bench.firm.bitcoin.alpha, 0, 1), 500_000n);
    await mineAndFollow(CONFIRMATIONS);
    const { txid, fee } = await send('alpha', addressOf(bench.firm.bitcoin.house), 200_000n);
    await mineAndFollow();
    expect(await held('house-btc')).toEqual({ total: 200_000n, pending: 0n, suspense: 200_000n, available: 0n });
    expect(await coin(txid, 'house-btc')).toMatchObject({ status: 'QUARANTINED' });
    // its change came back, and waits like any deposit
    const change = 300_000n - fee;
    expect(await held('alpha-btc')).toMatchObject({ total: 100_000n + change, pending: change, suspense: 100_000n });
    const kinds = (await bench.incidents.list({})).filter(({ detail }) => detail.transaction === txid);
    expect(kinds.map(({ kind, wallet }) => `${kind} ${wallet}`).sort()).toEqual([
      'deposit.quarantined house-btc',
      'spend.unexplained alpha-btc',
    ]);
    const frozen = await bench.database.query<{ wallet: string }[]>('select wallet from wallet_freeze');
    expect(frozen).toEqual([{ wallet: 'alpha-btc' }]);
    await mineAndFollow(CONFIRMATIONS);
  });
});

describe('a transfer of ours', () => {
  it('is booked with the fee that was really paid; its change is no deposit', async () => {
    const before = await held('alpha-btc');
    const { txid, fee, raw } = await send('alpha', strangersAddress(), 60_000n, 'PAYMENT');
    const sentAgain = () => bench.bitcoin.sendRawTransaction(raw);
    expect(await sentAgain()).toEqual({ ok: true, value: txid });
    await mineAndFollow();
    expect(await sentAgain()).toEqual({ ok: true, value: txid });
    expect(await held('alpha-btc')).toEqual({
      ...before,
      total: before.total - 60_000n - fee,
      available: before.available - 60_000n - fee,
    });
    expect((await bench.deposits.list({})).filter(({ row }) => row.txId === txid)).toEqual([]);
    expect(await coin(txid, 'alpha-btc')).toMatchObject({ status: 'AVAILABLE', branch: 1 });
    const [outcome] = await bench.database.query<unknown[]>('select * from chain_transaction where tx_id = $1', [txid]);
    expect(outcome).toMatchObject({ succeeded: true, fee: fee.toString() });

    const mined = await rpc().call<string>('getbestblockhash');
    await rpc().call('invalidateblock', mined);
    await bench.follow();
    expect(await held('alpha-btc')).toEqual(before);
    await mineAndFollow();
    expect((await held('alpha-btc')).total).toBe(before.total - 60_000n - fee);
  });

  it('into another wallet of the same owner is no deposit there', async () => {
    const before = { alpha: await held('alpha-btc'), beta: await held('beta-btc') };
    const own = addressOf(bench.firm.bitcoin.alpha, 0, 3);
    const { txid, fee } = await send('alpha', own, 50_000n, 'PAYMENT');
    await mineAndFollow();
    expect((await held('alpha-btc')).total).toBe(before.alpha.total - fee);
    expect((await bench.deposits.list({})).filter(({ row }) => row.txId === txid)).toEqual([]);
  });

  it('that pays an invoice of the house is two entries, one of each owner, and no deposit', async () => {
    const before = { alpha: await held('alpha-btc'), house: await held('house-btc') };
    const { txid, fee } = await send('alpha', addressOf(bench.firm.bitcoin.house, 0, 1), 20_000n, 'FEE_INVOICE');
    await mineAndFollow();
    expect((await held('alpha-btc')).total).toBe(before.alpha.total - 20_000n - fee);
    expect((await held('house-btc')).available).toBe(before.house.available + 20_000n);
    expect((await bench.deposits.list({})).filter(({ row }) => row.txId === txid)).toEqual([]);
    expect((await bench.incidents.list({})).filter(({ detail }) => detail.transaction === txid)).toEqual([]);
  });
});

describe('a follower', () => {
  it('that is killed while it applies a block leaves nothing of it, and applies it once when it is back', async () => {
    const before = await held('beta-btc');
    let kill = true;
    bench.listeners.add(() => (kill ? Promise.reject(new Error('killed')) : Promise.resolve()));
    await faucet().pay(addressOf(bench.firm.bitcoin.beta, 0, 2), 70_000n);
    await faucet().mine(1);
    await expect(bench.follow()).rejects.toThrow('killed');
    expect(await held('beta-btc')).toEqual(before);
    kill = false;
    await Promise.all([bench.follow(), bench.follow(), bench.follow()]);
    expect((await held('beta-btc')).pending).toBe(before.pending + 70_000n);
  });

  it('says that the node does not answer, and goes on when it does', async () => {
    const before = await held('beta-btc');
    const follower = bench.follower();
    await bench.follow(follower);
    await bench.stack.bitcoind.part.stop();
    const failure = await follower.step().catch((error: unknown) => error as RefusalError);
    expect(failure).toMatchObject({ refusal: { code: 'chain.unavailable' } });
    await bench.stack.bitcoind.part.start();
    await faucet().pay(addressOf(bench.firm.bitcoin.beta, 0, 4), 10_000n);
    await faucet().mine(1);
    await bench.follow(follower);
    expect((await held('beta-btc')).total).toBe(before.total + 10_000n);
  });
});

describe('the API', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    const module = await Test.createTestingModule({
      controllers: [DepositsController, IncidentsController, ChainsController],
      providers: [
        { provide: DataSource, useValue: bench.database },
        { provide: DepositsService, useValue: bench.deposits },
        { provide: IncidentsService, useValue: bench.incidents },
        { provide: BitcoinClient, useValue: bench.bitcoin },
        { provide: EthereumClient, useValue: bench.ethereum },
      ],
    }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    app.useGlobalPipes(validationPipe());
    app.useGlobalFilters(new ProblemFilter());
    await app.init();
  });
  afterAll(() => app.close());
  const get = async (url: string) => {
    const { statusCode, payload } = await app.inject({ method: 'GET', url });
    return { statusCode, body: JSON.parse(payload) as unknown };
  };

  it('shows deposits, filtered as asked', async () => {
    const { body } = await get('/v1/deposits?owner=alpha&status=QUARANTINED');
    const [deposit, ...others] = z.array(depositViewSchema).parse(body);
    expect(others).toEqual([]);
    expect(deposit).toMatchObject({ wallet: 'alpha-btc', amount: '100000', status: 'QUARANTINED' });
    expect(await get(`/v1/deposits/${deposit!.id}`)).toEqual({ statusCode: 200, body: deposit });
  });

  it('shows incidents, and the one that is asked for', async () => {
    const { body } = await get('/v1/incidents?wallet=alpha-btc&status=OPEN');
    const incidents = z.array(incidentViewSchema).parse(body);
    expect(incidents.map(({ kind }) => kind).sort()).toEqual(['deposit.quarantined', 'spend.unexplained']);
    expect((await get(`/v1/incidents/${incidents[0]!.id}`)).body).toEqual(incidents[0]);
  });

  it('shows how far each chain is read, and that a node does not answer', async () => {
    const height = await rpc().call<number>('getblockcount');
    expect((await get('/v1/chains')).body).toEqual([
      { chain: REGTEST, followed: expect.objectContaining({ height }), nodeHeight: height, lagBlocks: 0 },
      { chain: ANVIL, followed: null, nodeHeight: null, lagBlocks: null },
    ]);
  });

  it.each([
    ['/v1/deposits?color=red', 400, 'request.malformed'],
    ['/v1/deposits/17', 400, 'request.malformed'],
    ['/v1/deposits/00000000-0000-4000-8000-000000000000', 404, 'request.not-found'],
    ['/v1/incidents/00000000-0000-4000-8000-000000000000', 404, 'request.not-found'],
  ])('refuses %s with %i', async (url, statusCode, code) => {
    expect(await get(url)).toMatchObject({ statusCode, body: { code } });
  });
});
