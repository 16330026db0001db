import { jest } from '@jest/globals';
import type { TransferView } from '../../apps/cli/src/api/custody-client.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { APP_NAMES, type PartName } from '../../apps/cli/src/stack/index.js';
import { ChaosFirm, COIN_SAT } from '../support/chaos-firm.js';

jest.setTimeout(120_000); // whole stacks of real processes on a busy machine

let firm: ChaosFirm;
beforeAll(async () => {
  firm = await ChaosFirm.open();
});
afterEach(async () => {
  await firm.heal();
});
afterAll(async () => {
  await firm.close();
});

const restarted = (part: PartName): Promise<void> => firm.stack.part(part).restart();
async function killedAndStarted(part: PartName): Promise<void> {
  await firm.kill(part);
  await firm.start(part);
}

describe('a node that goes away in the middle of a transfer', () => {
  it.each([
    ['restarted', restarted],
    ['killed with SIGKILL', killedAndStarted],
  ])('bitcoind, %s: what it may have lost is sent again', async (_how, fault) => {
    const before = await firm.paidOut();
    const view = await firm.propose('btc');
    await firm.approve(view);
    await firm.reach('BROADCAST', view);
    await fault('bitcoind');
    await firm.settle(view);
    await firm.expectPaidOnce(before, view);
  });

  it('bitcoind, away while a transfer is approved: it is sent when it is back', async () => {
    const before = await firm.paidOut();
    const view = await firm.propose('btc');
    await firm.stack.part('bitcoind').stop();
    await firm.approve(view);
    await until('a note of why it waits', async () => {
      const { state, refusal } = await firm.transfer(view.id);
      return state === 'SIGNED' && refusal?.code === 'chain.unavailable' ? true : undefined;
    });
    await firm.start('bitcoind');
    await firm.settle(view);
    await firm.expectPaidOnce(before, view);
  });

  it.each([
    ['restarted', restarted],
    ['killed with SIGKILL', killedAndStarted],
  ])('anvil, %s while the transaction waits in its pool: it is sent again', async (_how, fault) => {
    const before = await firm.paidOut();
    const view = await firm.propose('eth');
    await firm.stack.anvil.rpc.call('evm_setAutomine', false);
    await firm.approve(view);
    await firm.reach('BROADCAST', view);
    await fault('anvil');
    await firm.settle(view);
    await firm.expectPaidOnce(before, view);
  });

  it('anvil, killed right after it executed the transaction, and with it the end of its chain', async () => {
    const before = await firm.paidOut();
    const views: TransferView[] = [];
    while (views.length < 2) {
      const view = await firm.propose('eth');
      await firm.approve(view);
      await firm.reach('CONFIRMING', view);
      views.push(view);
    }
    await killedAndStarted('anvil');
    await firm.mineEthereum(3); // other blocks in place of those that are lost
    await firm.settle(...views);
    await firm.expectPaidOnce(before, ...views);
  });

  it('a proposal that needs it is refused for now, and can be sent again as it is', async () => {
    const before = await firm.paidOut();
    const [btc, eth] = [await firm.intent('btc'), await firm.intent('eth')];
    await firm.freeze('bitcoind', 'anvil');
    for (const signed of [btc, eth]) await expect(firm.send(signed)).rejects.toThrow(/chain\.unavailable/);
    await firm.resume('bitcoind', 'anvil');
    const pair = { btc: await firm.send(btc), eth: await firm.send(eth) };
    await firm.approvePair(pair);
    await firm.settle(pair.btc, pair.eth);
    await firm.expectPaidOnce(before, pair.btc, pair.eth);
  });
});

describe('the database server', () => {
  it.each([
    ['restarted', restarted],
    ['killed with SIGKILL', killedAndStarted],
  ])('%s in the middle of a transfer: every process lives through it', async (_how, fault) => {
    const before = await firm.paidOut();
    const processes = () => APP_NAMES.map((name) => firm.stack.part(name).pid);
    const running = processes();
    const pair = await firm.proposePair();
    await firm.freeze('signer-b', 'signer-c');
    await firm.approvePair(pair);
    await firm.reach('SIGNING', pair.btc, pair.eth);
    await fault('postgres');
    await firm.resume('signer-b', 'signer-c');
    await firm.settle(pair.btc, pair.eth);
    await firm.expectPaidOnce(before, pair.btc, pair.eth);
    expect(processes()).toEqual(running);
  });
});

describe('a reorganisation', () => {
  it('of a settled Bitcoin payout takes it back to BROADCAST and its entries with it, until it is mined again', async () => {
    const before = await firm.paidOut();
    const { rpc, faucet } = firm.stack.bitcoind;
    const view = await firm.propose('btc');
    await firm.approve(view);
    await firm.settle(view);
    const { txId } = await firm.transfer(view.id);
    const { blockhash } = await rpc.call<{ blockhash: string }>('getrawtransaction', txId, true);
    await rpc.call('invalidateblock', blockhash);
    // a longer branch without it, as another miner would have made it
    for (let block = 0; block < 4; block += 1) await rpc.call('generateblock', await faucet.address(), []);
    await firm.reach('BROADCAST', view);
    await until('the reversal', async () => ((await firm.standingEntries(view.id)) === 0 ? true : undefined));
    await firm.expectBalanced();
    await firm.settle(view);
    await firm.expectPaidOnce(before, view);
  });

  it('of a credited deposit takes it back until it is confirmed again', async () => {
    const { rpc, faucet } = firm.stack.bitcoind;
    const deposit = async (txid: string, status: string) =>
      until(`${status} of the deposit`, async () => {
        const path = `/v1/deposits?wallet=alpha-btc&status=${status}`;
        const all = await firm.cast.client.api.get<{ transaction: string }[]>(path, firm.cast.olivia.apiToken);
        return all.some(({ transaction }) => transaction === txid) ? true : undefined;
      });
    const txid = await faucet.pay(await firm.cast.freshAddress('alpha-btc'), COIN_SAT);
    await firm.mineBitcoin(2);
    await deposit(txid, 'CREDITED');
    const { blockhash } = await rpc.call<{ blockhash: string }>('getrawtransaction', txid, true);
    await rpc.call('invalidateblock', blockhash);
    for (let block = 0; block < 3; block += 1) await rpc.call('generateblock', await faucet.address(), []);
    await deposit(txid, 'REVERSED');
    await firm.expectBalanced();
    await firm.mineBitcoin(2);
    await deposit(txid, 'CREDITED');
    await firm.expectBalanced();
  });

  it('of a Safe’s execution takes it back to BROADCAST, and the same transaction executes it again', async () => {
    const before = await firm.paidOut();
    const view = await firm.propose('eth');
    await firm.approve(view);
    await firm.settle(view);
    const first = await firm.transfer(view.id);
    await firm.stack.anvil.rpc.call('anvil_reorg', 6, []);
    await until('a look at it', async () => {
      const history = await firm.query<{ to_state: string }>(
        'orchestrator',
        'select to_state from transfer_transition where transfer = $1',
        [view.id],
      );
      return history.filter(({ to_state: state }) => state === 'BROADCAST').length === 2 ? true : undefined;
    });
    await firm.settle(view);
    await firm.expectPaidOnce(before, view);
    expect((await firm.transfer(view.id)).txId).toBe(first.txId);
  });
});
