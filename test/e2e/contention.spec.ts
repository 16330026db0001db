/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { jest } from '@jest/globals';
import type { Payload } from '@bulkhead/intent';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { TransferView, TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { satoshi, SIGNER_NAMES } from '../../apps/cli/src/stack/index.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { Bulkhead } from '../support/bulkhead.js';
import { eventually } from '../support/eventually.js';
import { objectionsAt } from '../support/objections.js';
import { bitcoinCoins, payCoins } from '../support/own-psbt.js';

jest.setTimeout(60_000); // real processes on a busy machine

const ETHER = 10n ** 18n;
const COIN_SAT = 1_000_000n;
const COINS = 6;
const AT_ONCE = 20;

let bulkhead: Bulkhead;
let scene: Scene;
/** Takes one whole coin: two of them never fit into one. */
let btcWish: TransferWish;
let ethWish: TransferWish;

beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  scene = await bulkhead.setTheScene();
  await bulkhead.fundBitcoin(
    'alpha-btc',
    Array.from({ length: COINS }, () => COIN_SAT),
  );
  await bulkhead.fundEther(scene.alphaSafe, ETHER);
  const { btc, eth } = bulkhead.cast;
  const owner = 'alpha';
  btcWish = {
    ...{ owner, wallet: 'alpha-btc', asset: btc, to: scene.alphaBitcoinDestination },
    ...{ amount: 700_000n, maxFee: 20_000n },
  };
  ethWish = { owner, wallet: 'alpha-eth', asset: eth, to: scene.alphaEthereumDestination, amount: ETHER / 10n };
}, 120_000);
afterAll(() => bulkhead.stop());

/** Tries many at once. @returns the transfers that came of it, and the codes of the refusals */
async function atOnce(times: number, attempt: () => Promise<TransferView>) {
  const outcomes = await Promise.all(
    Array.from({ length: times }, () =>
      attempt().catch((error: unknown) => {
        if (error instanceof ApiRefusal) return error.problem.code;
        throw error;
      }),
    ),
  );
  return {
    accepted: outcomes.filter((outcome): outcome is TransferView => typeof outcome !== 'string'),
    codes: outcomes.filter((outcome): outcome is string => typeof outcome === 'string'),
  };
}

const cancel = (view: TransferView): Promise<TransferView> =>
  bulkhead.cast.client.cancelTransfer(bulkhead.cast.olivia, view);
const coinsOfTransfer = ({ decoded }: TransferView): string[] => decoded!.sources.map(({ resource }) => resource);
const signedTransfers = async (): Promise<string[]> =>
  (await bulkhead.query<{ transfer: string }>('select distinct transfer::text from transfer_signature order by 1')).map(
    ({ transfer }) => transfer,
  );
async function proposeBytes(wish: TransferWish, payload: Payload): Promise<TransferView> {
  const { client, olivia } = bulkhead.cast;
  return client.api.post('/v1/transfers', olivia.apiToken, { ...(await client.signIntent(olivia, wish)), payload });
}

describe('transfers for the same coins', () => {
  it('of twenty at once, as many pass as there are coins, and no two hold one', async () => {
    const { accepted, codes } = await atOnce(AT_ONCE, () => bulkhead.propose(btcWish));
    expect(accepted).toHaveLength(COINS);
    expect(codes).toEqual(Array.from({ length: AT_ONCE - COINS }, () => 'amount.insufficient-funds'));
    const coins = accepted.flatMap(coinsOfTransfer);
    expect(new Set(coins).size).toBe(COINS);
    expect(await bulkhead.held('alpha-btc')).toEqual(coins.toSorted());
    const [sum] = await bulkhead.query<{ reserved: string }>(
      `select sum(c.amount)::text as reserved from reservation r join coin c on r.resource = c.chain || '/coin:' || c.txid || ':' || c.vout`,
    );
    expect(sum!.reserved).toBe((BigInt(COINS) * COIN_SAT).toString());
    await Promise.all(accepted.slice(2).map(cancel));
    const paid = accepted.slice(0, 2);
    for (const view of paid) await bulkhead.approve(view);
    const settled = [];
    for (const { id } of paid) settled.push(await bulkhead.untilState(id, 'SETTLED', { mining: true }));
    expect(await signedTransfers()).toEqual(paid.map(({ id }) => id).toSorted());
    await expectOnChain(settled);
  });

  /** What the node has left of the wallet's coins, and what it saw go. */
  async function expectOnChain(settled: readonly TransferView[]): Promise<void> {
    const { descriptor } = await bulkhead.get<{ descriptor: string }>('/v1/wallets/alpha-btc');
    const scanned = await bulkhead.stack.bitcoind.rpc.call<{ total_amount: number }>('scantxoutset', 'start', [
      { desc: descriptor, range: 49 },
    ]);
    const spent = settled.reduce((sum, { decoded }) => sum + 700_000n + BigInt(decoded!.fee.amount), 0n);
    const left = BigInt(COINS) * COIN_SAT - spent;
    expect(satoshi(scanned.total_amount)).toBe(left);
    expect((await bulkhead.position('alpha-btc', bulkhead.cast.btc)).available).toBe(left.toString());
    const received = await bulkhead.stack.bitcoind.rpc
      .withWallet('faucet')
      .call<number>('getreceivedbyaddress', scene.alphaBitcoinDestination, 2);
    expect(satoshi(received)).toBe(1_400_000n);
  }

  it('with the caller’s own bytes, twenty at once, one passes', async () => {
    const [coin] = await bitcoinCoins(bulkhead.cast, 'alpha-btc');
    const payload = await payCoins(bulkhead.cast, 'alpha-btc', [coin!], scene.alphaBitcoinDestination, 700_000n);
    const { accepted, codes } = await atOnce(AT_ONCE, () => proposeBytes(btcWish, payload));
    expect(accepted).toHaveLength(1);
    expect(codes).toEqual(Array.from({ length: AT_ONCE - 1 }, () => 'segregation.coin-committed'));
    await cancel(accepted[0]!);
    const again = await proposeBytes(btcWish, payload); // the very same bytes, now that nothing holds their coin
    expect(again.payloadDigest).toBe(accepted[0]!.payloadDigest);
    await cancel(again);
  });

  it('that overlap in one coin are refused whole: the other coins stay free', async () => {
    const { cast } = bulkhead;
    const [first, second] = await bitcoinCoins(cast, 'alpha-btc');
    const to = scene.alphaBitcoinDestination;
    const holder = await proposeBytes(btcWish, await payCoins(cast, 'alpha-btc', [first!], to, 700_000n));
    const wish = { ...btcWish, amount: 1_500_000n };
    const both = await payCoins(cast, 'alpha-btc', [first!, second!], to, 1_500_000n);
    expect((await atOnce(1, () => proposeBytes(wish, both))).codes).toEqual(['segregation.coin-committed']);
    expect(await bulkhead.held('alpha-btc')).toEqual(
      expect.not.arrayContaining([expect.stringContaining(second!.txid)]),
    );
    await cancel(holder);
    await cancel(await proposeBytes(wish, both));
  });

  it('never spend a coin that is spent', async () => {
    const [coin] = await bitcoinCoins(bulkhead.cast, 'alpha-btc', { spent: true });
    const payload = await payCoins(bulkhead.cast, 'alpha-btc', [coin!], scene.alphaBitcoinDestination, 700_000n);
    expect((await atOnce(1, () => proposeBytes(btcWish, payload))).codes).toEqual(['segregation.unknown-input']);
  });
});

describe('transfers of one Safe', () => {
  it('of twenty at once, one passes; once it is called off, the next has its nonce, and one is on chain', async () => {
    const { accepted, codes } = await atOnce(AT_ONCE, () => bulkhead.propose(ethWish));
    expect(accepted).toHaveLength(1);
    expect(codes).toEqual(Array.from({ length: AT_ONCE - 1 }, () => 'segregation.coin-committed'));
    await cancel(accepted[0]!);
    expect(await bulkhead.held('alpha-eth')).toEqual([]);
    const { id, payload } = await bulkhead.pay(ethWish);
    expect(payload).toEqual(accepted[0]!.payload);
    expect(await signedTransfers()).toContain(id);
    expect(await signedTransfers()).not.toContain(accepted[0]!.id);
    const { rpc } = bulkhead.stack.anvil;
    const nonce = await rpc.call<string>('eth_call', { to: scene.alphaSafe, data: '0xaffed0e0' }, 'latest');
    expect(BigInt(nonce)).toBe(1n);
    const [{ sent } = { sent: -1 }] = await bulkhead.query<{ sent: number }>(
      `select count(*)::int as sent from gas_transaction where subject like 'execute:%'`,
    );
    expect(sent).toBe(1);
  });

  it('wait for each other, whatever they pay', async () => {
    const first = await bulkhead.propose(ethWish);
    const other = { ...ethWish, amount: 1n };
    expect((await atOnce(1, () => bulkhead.propose(other))).codes).toEqual(['segregation.coin-committed']);
    await cancel(first);
    await cancel(await bulkhead.propose(other));
  });
});

describe('members at the same time', () => {
  it('count once each, however often they send their approval', async () => {
    const { client, omar } = bulkhead.cast;
    const view = await bulkhead.propose(btcWish);
    const { accepted, codes } = await atOnce(10, () => client.approveTransfer(omar, view));
    expect(accepted).toHaveLength(1);
    expect(codes).toEqual(Array.from({ length: 9 }, () => 'approval.duplicate'));
    const seen = await client.transfer(omar, view.id);
    expect([seen.state, seen.approvals]).toEqual([
      'PENDING_APPROVAL',
      [{ member: 'omar', decision: 'APPROVE', stands: true }],
    ]);
    const rejected = await client.approveTransfer(omar, view, 'REJECT'); // who has approved can still end it
    expect(rejected.state).toBe('REJECTED');
    expect(await bulkhead.held('alpha-btc')).toEqual(await heldByTheSettled());
    // signers hear of it too, so that it binds whoever takes over the orchestrator, or restores it
    for (const signer of SIGNER_NAMES)
      await eventually(`the rejection at ${signer}`, async () =>
        (await objectionsAt(bulkhead.stack, signer)).includes(`${view.intentDigest} REJECT`),
      );
  });

  it('approve it or call it off, never both', async () => {
    const { client, olivia, omar, oskar } = bulkhead.cast;
    for (let round = 0; round < 4; round += 1) {
      const view = await bulkhead.propose({ ...btcWish, amount: 600_000n });
      await client.approveTransfer(omar, view);
      const deeds = [() => client.approveTransfer(oskar, view), () => cancel(view)];
      const { codes } = await atOnceOf(round % 2 === 0 ? deeds : deeds.toReversed());
      expect(codes).toEqual(['intent.state']);
      const { state } = await client.transfer(olivia, view.id);
      if (state === 'CANCELLED') expect(await signedTransfers()).not.toContain(view.id);
      else await bulkhead.untilState(view.id, 'SETTLED', { mining: true });
    }
  });

  async function atOnceOf(deeds: readonly (() => Promise<TransferView>)[]) {
    const queue = [...deeds];
    return atOnce(deeds.length, () => queue.shift()!());
  }

  /** Coins of transactions that are on chain are never freed. */
  async function heldByTheSettled(): Promise<string[]> {
    const settled = await bulkhead.get<TransferView[]>('/v1/transfers?owner=alpha&state=SETTLED');
    const { btc } = bulkhead.cast;
    return settled
      .filter(({ intent }) => intent.asset === btc)
      .flatMap(coinsOfTransfer)
      .toSorted();
  }
});

describe('after all that', () => {
  it('register and chains agree', async () => {
    const { client, olivia } = bulkhead.cast;
    const report = await client.api.post<{ balanced: boolean }>('/v1/reconciliations', olivia.apiToken, {});
    expect(report.balanced).toBe(true);
  });
});
