import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import type { Head } from '@bulkhead/charter';
import pg from 'pg';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { TransferView } from '../../apps/cli/src/api/custody-client.js';
import { ALPHA, BETA } from '../../apps/cli/src/story/cast.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { Bulkhead } from '../support/bulkhead.js';

jest.setTimeout(300_000); // a whole stack on a busy machine

interface Incident {
  readonly id: string;
  readonly kind: string;
  readonly wallet: string | null;
  readonly status: string;
}

const COIN_SAT = 1_000_000n;

let bulkhead: Bulkhead;
let scene: Scene;
/** Proposed before the backup, paid after it. */
let btc: TransferView;
let eth: TransferView;
/** Proposed and paid after the backup: the restored database has never heard of it. */
let lost: TransferView;
let newest: Readonly<Record<string, Head>>;
let etherBefore: bigint;

/** Runs SQL as the administrator of the server; nobody may be connected to a database that is copied. */
async function administer(...statements: readonly string[]): Promise<void> {
  const { layout, ports } = bulkhead.stack;
  const password = readFileSync(layout.postgresPassword, 'utf8').trim();
  const client = new pg.Client({
    connectionString: `postgres://bulkhead_admin:${password}@127.0.0.1:${ports.postgres}/postgres`,
  });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const heads = async (): Promise<Readonly<Record<string, Head>>> =>
  (await bulkhead.get<{ heads: Record<string, Head> }>('/v1/charter')).heads;
const open = async (): Promise<Incident[]> => bulkhead.get<Incident[]>('/v1/incidents?status=OPEN');
const pay = (amount: bigint): Promise<TransferView> =>
  bulkhead.propose({
    owner: ALPHA,
    wallet: 'alpha-btc',
    asset: bulkhead.cast.btc,
    to: scene.alphaBitcoinDestination,
    amount,
    maxFee: 20_000n,
  });

async function expectBalanced(): Promise<void> {
  const { lines } = await bulkhead.cast.client.api.post<{ lines: { wallet: string; difference: string }[] }>(
    '/v1/reconciliations',
    bulkhead.cast.olivia.apiToken,
    {},
  );
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter(({ difference }) => difference !== '0')).toEqual([]);
}

const brokersEther = async (): Promise<bigint> =>
  BigInt(await bulkhead.stack.anvil.rpc.call<string>('eth_getBalance', scene.alphaEthereumDestination, 'latest'));

/** What the payee of alpha's bitcoin has received, by amount. */
async function received(): Promise<string[]> {
  const { rpc } = bulkhead.stack.bitcoind;
  const found = await rpc.call<{ unspents: { amount: number }[] }>('scantxoutset', 'start', [
    `addr(${scene.alphaBitcoinDestination})`,
  ]);
  return found.unspents.map(({ amount }) => amount.toFixed(8)).sort();
}

beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin('alpha-btc', Array<bigint>(5).fill(COIN_SAT));
  await bulkhead.fundEther(scene.alphaSafe, 10n ** 18n);
  etherBefore = await brokersEther();
  btc = await pay(100_001n);
  eth = await bulkhead.propose({
    owner: ALPHA,
    wallet: 'alpha-eth',
    asset: bulkhead.cast.eth,
    to: scene.alphaEthereumDestination,
    amount: 10n ** 15n,
  });

  const orchestrator = bulkhead.stack.part('orchestrator');
  await orchestrator.stop();
  await administer('create database backup template orchestrator owner orchestrator');
  await orchestrator.start();

  for (const view of [btc, eth]) {
    await bulkhead.approve(view);
    await bulkhead.untilState(view.id, 'SETTLED', { mining: true });
  }
  lost = await bulkhead.approve(await pay(100_002n));
  await bulkhead.untilState(lost.id, 'SETTLED', { mining: true });
  await bulkhead.cast.openBitcoinWallet(BETA, 'beta-newest');
  await bulkhead.fundBitcoin('beta-newest', [COIN_SAT]);
  newest = await heads();
  await bulkhead.untilSignersKnow(newest);

  await orchestrator.stop();
  await administer('drop database orchestrator', 'create database orchestrator template backup owner orchestrator');
  await orchestrator.start();
}, 300_000);
afterAll(() => bulkhead.stop(), 60_000);

describe('an orchestrator whose database was restored from an older copy', () => {
  it('takes the charter entries that it lacks from the signers, before anything else', async () => {
    expect(await heads()).toEqual(newest);
    const wallets = await bulkhead.get<{ id: string }[]>('/v1/wallets');
    expect(wallets.map(({ id }) => id)).toContain('beta-newest');
  });

  it('finds in the chains what was paid meanwhile, and offers none of it as payable', async () => {
    await bulkhead.mine();
    for (const { id } of [btc, eth]) await bulkhead.untilState(id, 'SETTLED', { mining: true });
    const again = bulkhead.cast.client.approveTransfer(bulkhead.cast.omar, btc);
    await expect(again).rejects.toThrow(/intent\.state/);
    const history = await bulkhead.get<{ from: string; to: string }[]>(`/v1/transfers/${btc.id}/history`);
    expect(history.map(({ to }) => to).slice(2)).toEqual(['PENDING_APPROVAL', 'BROADCAST', 'CONFIRMING', 'SETTLED']);
  });

  it('freezes the wallet whose payment it has never heard of; its register equals both chains', async () => {
    await expect(bulkhead.get(`/v1/transfers/${lost.id}`)).rejects.toThrow(ApiRefusal);
    const incident = await until('the incident', async () =>
      (await open()).find(({ kind, wallet }) => kind === 'spend.unexplained' && wallet === 'alpha-btc'),
    );
    expect(await open()).toEqual([incident]);
    await expect(pay(100_003n)).rejects.toThrow(/segregation\.wallet-frozen/);
    await expectBalanced();
    expect((await bulkhead.position('beta-newest', bulkhead.cast.btc)).available).toBe(COIN_SAT.toString());
  });

  it('forks no charter: what it appends next, every signer takes', async () => {
    await bulkhead.cast.enact({ kind: 'client.open', owner: { id: 'gamma', name: 'Gamma' } }, 'gamma');
    await bulkhead.untilSignersKnow(await heads());
  });

  it('pays again once a quorum has closed the incident, and nothing twice', async () => {
    const [incident] = await open();
    const closing = { kind: 'incident.close', incident: incident!.id, release: false } as const;
    await bulkhead.cast.enact({ ...closing, resolution: 'Paid before the restore: see the decisions of the signers.' });
    expect(await open()).toEqual([]);
    await bulkhead.pay({
      owner: ALPHA,
      wallet: 'alpha-btc',
      asset: bulkhead.cast.btc,
      to: scene.alphaBitcoinDestination,
      amount: 100_003n,
      maxFee: 20_000n,
    });
    expect(await received()).toEqual(['0.00100001', '0.00100002', '0.00100003']);
    expect((await brokersEther()) - etherBefore).toBe(10n ** 15n);
    await expectBalanced();
  });
});
