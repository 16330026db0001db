/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { jest } from '@jest/globals';
import type { TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { Bulkhead } from '../support/bulkhead.js';
import { problemOf, type HttpAnswer } from '../support/http-caller.js';

jest.setTimeout(120_000); // real processes on a busy machine

const AT_ONCE = 20;
const AMOUNT_SAT = 10_000n;
/** What fits: five of them, and not a sixth. In millionths of a bitcoin. */
const LIMIT = 5n * (AMOUNT_SAT / 100n);

let bulkhead: Bulkhead;
let wish: TransferWish;
/** One of each client, out of Safes. */
let ether: readonly TransferWish[];

beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  const scene = await bulkhead.setTheScene();
  // a coin for each, so that nothing but the limit holds any of them up
  await bulkhead.fundBitcoin('alpha-btc', new Array<bigint>(AT_ONCE).fill(50_000n));
  await bulkhead.fundEther(scene.alphaSafe, 10n ** 18n);
  await bulkhead.fundEther(scene.betaSafe, 10n ** 18n);
  const { cast } = bulkhead;
  const text = `forbid (principal, action == Action::"transfer", resource)
when { context.symbol == "BTC" && context.velocity.client.day.amountMillionths > ${LIMIT} };`;
  const oneOfEther = `forbid (principal, action == Action::"transfer", resource)
when { context.symbol == "ETH" && context.velocity.asset.hour.count > 1 };`;
  const { client, carla, omar } = cast;
  await client.enact({ kind: 'policy.set', id: 'a-day', text, owner: null, wallet: null }, carla, [omar]);
  await client.enact({ kind: 'policy.set', id: 'one', text: oneOfEther, owner: null, wallet: null }, carla, [omar]);
  wish = {
    owner: 'alpha',
    wallet: 'alpha-btc',
    asset: cast.btc,
    to: scene.alphaBitcoinDestination,
    amount: AMOUNT_SAT,
    maxFee: 20_000n,
  };
  const common = { asset: cast.eth, amount: 10n ** 15n };
  ether = [
    { ...common, owner: 'alpha', wallet: 'alpha-eth', to: scene.alphaEthereumDestination },
    { ...common, owner: 'beta', wallet: 'beta-eth', to: scene.betaEthereumDestination },
  ];
}, 240_000);
afterAll(() => bulkhead.stop());

describe(`${AT_ONCE} transfers that are proposed at once`, () => {
  it('get no further than the limit together, and what is refused is kept as refused', async () => {
    const { client, olivia } = bulkhead.cast;
    const signed = await Promise.all(Array.from({ length: AT_ONCE }, () => client.signIntent(olivia, wish)));
    const answers = await Promise.all(
      signed.map((body): Promise<HttpAnswer> => bulkhead.http.call('POST', '/v1/transfers', { body })),
    );
    const accepted = answers.filter(({ status }) => status === 201);
    expect(accepted).toHaveLength(5);
    const refused = answers.filter(({ status }) => status !== 201).map(problemOf);
    expect(refused.map(({ code, facts }) => [code, facts['policies']])).toEqual(
      new Array(AT_ONCE - 5).fill(['policy.forbidden', 'a-day']),
    );
    const states = await bulkhead.query<{ state: string; number: string }>(
      'select state, count(*)::text as number from transfer group by state order by state',
    );
    expect(states).toEqual([
      { state: 'PENDING_APPROVAL', number: '5' },
      { state: 'REFUSED', number: String(AT_ONCE - 5) },
    ]);
  });

  it('leave room again once one of them is called off, and only for one', async () => {
    const [pending] = await bulkhead.query<{ id: string }>(
      `select id from transfer where state = 'PENDING_APPROVAL' limit 1`,
    );
    const { client, olivia } = bulkhead.cast;
    await client.cancelTransfer(olivia, await client.transfer(olivia, pending?.id ?? ''));
    const more = await Promise.allSettled([bulkhead.propose(wish), bulkhead.propose(wish), bulkhead.propose(wish)]);
    expect(more.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });
});

describe('a limit over the whole firm', () => {
  it('is not passed by two clients whose wallets have nothing in common, however often they try', async () => {
    const { client, olivia } = bulkhead.cast;
    for (let round = 0; round < 6; round += 1) {
      const answers = await Promise.allSettled(ether.map((each) => bulkhead.propose(each)));
      const said = answers.map((answer) => (answer.status === 'fulfilled' ? 'accepted' : String(answer.reason)));
      expect(said.toSorted()).toEqual([expect.stringMatching(/policy.forbidden.*policies=one/), 'accepted']);
      for (const answer of answers)
        if (answer.status === 'fulfilled') await client.cancelTransfer(olivia, answer.value);
    }
  });
});
