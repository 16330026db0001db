/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { jest } from '@jest/globals';
import type { TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { Bulkhead } from '../support/bulkhead.js';

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
});
