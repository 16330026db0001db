/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { jest } from '@jest/globals';
import pg from 'pg';
import type { TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { SIGNER_NAMES } from '../../apps/cli/src/stack/index.js';
import { Bulkhead } from '../support/bulkhead.js';
import { heldUpAt } from '../support/held-up.js';

jest.setTimeout(180_000); // real processes on a busy machine

describe('a transfer out of an MPC wallet', () => {
  let bulkhead: Bulkhead;
  let wish: TransferWish;
  let address: string;
  beforeAll(async () => {
    bulkhead = await Bulkhead.start({ scene: true });
    const scene = await bulkhead.setTheScene();
    const { cast } = bulkhead;
    address = await cast.openMpcWallet('alpha', 'alpha-tap');
    const to = scene.alphaBitcoinDestination;
    wish = { owner: 'alpha', wallet: 'alpha-tap', asset: cast.btc, to, amount: 300_000n, maxFee: 20_000n };
  });
  afterAll(() => bulkhead.stop());

  it('goes the way of every other: deposit, proposal, approvals, signatures, settlement', async () => {
    expect(await bulkhead.cast.freshAddress('alpha-tap')).toBe(address);
    await bulkhead.fundBitcoin('alpha-tap', [500_000n, 250_000n]);
    expect(await bulkhead.position('alpha-tap', wish.asset)).toMatchObject({ available: '750000' });
    const settled = await bulkhead.pay(wish);
    expect(settled.state).toBe('SETTLED');
    const { available, walletTotal } = await bulkhead.position('alpha-tap', wish.asset);
    expect(available).toBe(walletTotal);
    expect(BigInt(available)).toBeGreaterThan(430_000n);
    expect(BigInt(available)).toBeLessThan(450_000n);
    const decisions = await bulkhead.query<{ signer: string }>(
      'select distinct signer from signer_decision where transfer = $1',
      settled.id,
    );
    expect(decisions).toHaveLength(2);
  });

  it('is paid after the shares were refreshed, with a signer down, and reconciles with the node', async () => {
    const { api } = bulkhead.cast.client;
    const token = bulkhead.cast.olivia.apiToken;
    expect(await api.post('/v1/wallets/alpha-tap/share-refreshes', token, {})).toEqual({
      wallet: 'alpha-tap',
      epoch: 1,
    });
    expect(await api.get(`/v1/wallets/alpha-tap`, token)).toMatchObject({ kind: 'taproot-mpc', address });
    await bulkhead.stack.part('signer-b').kill('SIGKILL');
    expect((await bulkhead.pay({ ...wish, amount: 100_000n })).state).toBe('SETTLED');
    await bulkhead.stack.part('signer-b').start();
    await api.post('/v1/reconciliations', token, {});
    expect(await bulkhead.get('/v1/incidents?status=OPEN')).toEqual([]);
  });

  it('is one of eight that are approved at the same moment: all are settled, and nobody locks the group', async () => {
    await bulkhead.fundBitcoin(
      'alpha-tap',
      Array.from({ length: 8 }, () => 100_000n),
    );
    const wishes = Array.from({ length: 8 }, (_, place) => ({ ...wish, amount: 50_000n + BigInt(place) }));
    const proposed = await Promise.all(wishes.map((each) => bulkhead.propose(each)));
    await Promise.all(proposed.map((view) => bulkhead.approve(view)));
    const settled: string[] = [];
    for (const { id } of proposed) settled.push((await bulkhead.untilState(id, 'SETTLED', { mining: true })).state);
    expect(settled).toHaveLength(8);
    for (const id of SIGNER_NAMES) {
      const database = await databaseOf(id);
      expect((await database.query('select 1 from frost_lock')).rowCount).toBe(0);
      await database.end();
    }
    expect((await bulkhead.pay({ ...wish, amount: 40_000n })).state).toBe('SETTLED');
  });

  describe('whose wallet has a member that was left behind by a refresh', () => {
    beforeEach(async () => {
      const database = await databaseOf('signer-a');
      const before = await usedAt('signer-b');
      await heldUpAt(
        database,
        'frost_confirmation',
        () => refresh().catch(() => undefined),
        async () => {
          for (const id of ['signer-b', 'signer-c'] as const)
            await until(`the new share at ${id}`, async () => ((await usedAt(id)) > before ? true : undefined));
          await bulkhead.stack.part('signer-a').kill('SIGKILL');
        },
      );
      await database.end();
      await bulkhead.stack.part('signer-a').start();
      expect(await usedAt('signer-a')).toBe(before);
    });

    it('has it caught up when the next refresh is asked for', async () => {
      const before = await usedAt('signer-b');
      expect(await refresh()).toEqual({ wallet: 'alpha-tap', epoch: before + 1 });
      for (const id of SIGNER_NAMES) expect(await usedAt(id)).toBe(before + 1);
    });

    it('has it caught up when an address is asked for and it is needed to prove control', async () => {
      await bulkhead.stack.part('signer-c').kill('SIGKILL');
      expect(await bulkhead.cast.freshAddress('alpha-tap')).toBe(address);
      expect(await usedAt('signer-a')).toBe(await usedAt('signer-b'));
      await bulkhead.stack.part('signer-c').start();
    });
  });

  const refresh = () =>
    bulkhead.cast.client.api.post<{ epoch: number }>(
      '/v1/wallets/alpha-tap/share-refreshes',
      bulkhead.cast.olivia.apiToken,
      {},
    );
  async function databaseOf(id: (typeof SIGNER_NAMES)[number]): Promise<pg.Client> {
    const database = new pg.Client({ connectionString: bulkhead.stack.postgres.databaseUrl(id) });
    await database.connect();
    return database;
  }
  /** The epoch of the share that a signer uses. */
  async function usedAt(id: (typeof SIGNER_NAMES)[number]): Promise<number> {
    const database = await databaseOf(id);
    const { rows } = await database.query<{ epoch: number }>(
      "select epoch from frost_share where wallet = 'alpha-tap' and state = 'ACTIVE'",
    );
    await database.end();
    return rows[0]?.epoch ?? -1;
  }
});
