/** @jest-environment ./test/support/failure-aware-environment.mjs */
import { jest } from '@jest/globals';
import { REGTEST, type Payload } from '@bulkhead/intent';
import { buildSafeTransfer } from '@bulkhead/ethereum';
import { Interface } from 'ethers';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { TransferView, TransferWish } from '../../apps/cli/src/api/custody-client.js';
import { ETHEREUM } from '../../apps/cli/src/story/cast.js';
import type { Scene } from '../../apps/cli/src/story/scene.js';
import { until } from '../../apps/cli/src/story/waiting.js';
import { Bulkhead } from '../support/bulkhead.js';
import { inShort } from '../support/http-caller.js';
import { bitcoinCoins, payCoins } from '../support/own-psbt.js';

jest.setTimeout(60_000); // real processes on a busy machine

const ETHER = 10n ** 18n;
const COIN_SAT = 1_000_000n;
/** Addresses of each branch, as the cast opens its wallets. */
const WINDOW = 50;
const ERC20 = new Interface(['function transfer(address,uint256) returns (bool)']);

let bulkhead: Bulkhead;
let scene: Scene;
let btcWish: TransferWish;
let ethWish: TransferWish;

beforeAll(async () => {
  bulkhead = await Bulkhead.start({ scene: true });
  scene = await bulkhead.setTheScene();
  const { btc, eth } = bulkhead.cast;
  const owner = 'alpha';
  btcWish = {
    ...{ owner, wallet: 'alpha-btc', asset: btc, to: scene.alphaBitcoinDestination },
    ...{ amount: 700_000n, maxFee: 20_000n },
  };
  ethWish = { owner, wallet: 'alpha-eth', asset: eth, to: scene.alphaEthereumDestination, amount: ETHER / 2n };
}, 120_000);
afterAll(() => bulkhead.stop());

/** `accepted` and called off again, or the code of the refusal. */
async function outcome(wish: TransferWish, payload?: Payload): Promise<string> {
  const { client, olivia } = bulkhead.cast;
  const body = { ...(await client.signIntent(olivia, wish)), ...(payload && { payload }) };
  try {
    await client.cancelTransfer(olivia, await client.api.post<TransferView>('/v1/transfers', olivia.apiToken, body));
    return 'accepted';
  } catch (error) {
    if (error instanceof ApiRefusal) return error.problem.code;
    throw error;
  }
}

/** The caller's own Safe transaction, for the Safe's first nonce. */
const safePayload = ({ asset, to, amount }: TransferWish): Payload => ({
  kind: 'safe-tx',
  chain: ETHEREUM,
  safe: scene.alphaSafe,
  tx: buildSafeTransfer({ asset, to, amount: BigInt(amount), nonce: 0n }),
});

async function untilDeposit(wallet: string, transaction: string, status: string): Promise<void> {
  await until(`${status} of ${transaction}`, async () => {
    const deposits = await bulkhead.get<{ transaction: string }[]>(`/v1/deposits?wallet=${wallet}&status=${status}`);
    return deposits.some((deposit) => deposit.transaction === transaction) ? true : undefined;
  });
}

/** Sends from an account of the outside world, or from one that was declared the house's; mined at once. */
async function sendOnEthereum(from: string, to: string, valueWei: bigint, data = '0x'): Promise<string> {
  const value = `0x${valueWei.toString(16)}`;
  return bulkhead.stack.anvil.rpc.call<string>('eth_sendTransaction', { from, to, value, data });
}

describe('a deposit that lacks confirmations', () => {
  it('of bitcoin is spent neither by Bulkhead’s choice of coins nor by a caller’s own', async () => {
    const { cast, stack } = bulkhead;
    const txid = await stack.bitcoind.faucet.pay(await cast.freshAddress('alpha-btc'), COIN_SAT);
    expect(await outcome(btcWish)).toBe('amount.insufficient-funds'); // it is nowhere yet
    await stack.bitcoind.faucet.mine(1);
    await untilDeposit('alpha-btc', txid, 'PENDING');
    expect(await bulkhead.position('alpha-btc', cast.btc)).toMatchObject({ walletTotal: '1000000', available: '0' });
    const [coin] = await bitcoinCoins(cast, 'alpha-btc', { status: 'PENDING' });
    const own = await payCoins(cast, 'alpha-btc', [coin!], scene.alphaBitcoinDestination, 700_000n);
    expect(await outcome(btcWish)).toBe('amount.insufficient-funds');
    expect(await outcome(btcWish, own)).toBe('segregation.unknown-input');
    expect(await bulkhead.held('alpha-btc')).toEqual([]);
    await stack.bitcoind.faucet.mine(1);
    await untilDeposit('alpha-btc', txid, 'CREDITED');
    expect(await outcome(btcWish)).toBe('accepted');
    expect(await outcome(btcWish, own)).toBe('accepted');
  });

  it('of ether and tokens is spent neither way', async () => {
    const { cast, stack } = bulkhead;
    const { accounts, rpc } = stack.anvil;
    const tokens = ERC20.encodeFunctionData('transfer', [scene.alphaSafe, 5n]);
    const ether = await sendOnEthereum(accounts[1]!, scene.alphaSafe, ETHER);
    const token = await sendOnEthereum(accounts[0]!, stack.contracts.testToken, 0n, tokens);
    const tokenWish = { ...ethWish, asset: cast.tusd, amount: 5n };
    await untilDeposit('alpha-eth', token, 'PENDING');
    expect(await outcome(tokenWish)).toBe('amount.insufficient-funds');
    expect(await outcome(tokenWish, safePayload(tokenWish))).toBe('amount.insufficient-funds');
    await rpc.call('anvil_mine', '0x1');
    await untilDeposit('alpha-eth', ether, 'CREDITED');
    await untilDeposit('alpha-eth', token, 'CREDITED');
    expect(await outcome(ethWish)).toBe('accepted');
    expect(await outcome(tokenWish)).toBe('accepted');
    const more = await sendOnEthereum(accounts[1]!, scene.alphaSafe, ETHER);
    const greedy = { ...ethWish, amount: ETHER + 1n };
    await untilDeposit('alpha-eth', more, 'PENDING');
    expect(await outcome(greedy)).toBe('amount.insufficient-funds');
    expect(await outcome(greedy, safePayload(greedy))).toBe('amount.insufficient-funds');
    expect(await outcome(ethWish, safePayload(ethWish))).toBe('accepted');
    await bulkhead.mine();
    expect(await outcome(greedy)).toBe('accepted');
  });
});

describe('a deposit in quarantine', () => {
  it('of bitcoin is spent neither by Bulkhead’s choice of coins nor by a caller’s own', async () => {
    const { cast } = bulkhead;
    await bulkhead.stack.bitcoind.faucet.pay(scene.treasuryAddress, 10n * COIN_SAT);
    await bulkhead.mine();
    const txid = await scene.treasury.call<string>('sendtoaddress', await cast.freshAddress('alpha-btc'), '0.05');
    await bulkhead.mine();
    await untilDeposit('alpha-btc', txid, 'QUARANTINED');
    const { walletTotal, available } = await bulkhead.position('alpha-btc', cast.btc);
    expect([walletTotal, available]).toEqual([(6n * COIN_SAT).toString(), COIN_SAT.toString()]);
    const wish = { ...btcWish, amount: 2n * COIN_SAT };
    const [held] = await bitcoinCoins(cast, 'alpha-btc', { status: 'QUARANTINED' });
    const [free] = await bitcoinCoins(cast, 'alpha-btc');
    const to = scene.alphaBitcoinDestination;
    expect(await outcome(wish)).toBe('amount.insufficient-funds');
    for (const coins of [[held!], [free!, held!]]) {
      const payload = await payCoins(cast, 'alpha-btc', coins, to, 2n * COIN_SAT);
      expect(await outcome(wish, payload)).toBe('segregation.unknown-input');
    }
    expect(await bulkhead.held('alpha-btc')).toEqual([]);
    const paid = await bulkhead.pay(btcWish); // the wallet pays with what is its own
    expect(paid.decoded!.sources.map(({ resource }) => resource)).toEqual([
      expect.stringContaining(`${free!.txid}:${free!.vout}`),
    ]);
  });

  it('of ether is spent neither way, and every one has its incident', async () => {
    const { cast, stack } = bulkhead;
    const houseAccount = stack.anvil.accounts[5]!;
    await cast.enact({
      kind: 'proprietary-address.declare',
      owner: 'house',
      chain: ETHEREUM,
      address: houseAccount,
      label: 'House at its broker',
    });
    const { available } = await bulkhead.position('alpha-eth', cast.eth);
    const hash = await sendOnEthereum(houseAccount, scene.alphaSafe, 3n * ETHER);
    await bulkhead.mine();
    await untilDeposit('alpha-eth', hash, 'QUARANTINED');
    expect(await bulkhead.position('alpha-eth', cast.eth)).toMatchObject({ available });
    const greedy = { ...ethWish, amount: BigInt(available) + 1n };
    expect(await outcome(greedy)).toBe('amount.insufficient-funds');
    expect(await outcome(greedy, safePayload(greedy))).toBe('amount.insufficient-funds');
    expect(await outcome({ ...ethWish, amount: available })).toBe('accepted');
    const incidents = await bulkhead.get<{ kind: string; wallet: string; detail: { transaction: string } }[]>(
      '/v1/incidents?owner=alpha&status=OPEN',
    );
    expect(incidents).toHaveLength(2);
    expect(incidents).toContainEqual(
      expect.objectContaining({
        kind: 'deposit.quarantined',
        wallet: 'alpha-eth',
        detail: expect.objectContaining({ transaction: hash, fromOwner: 'house', amount: (3n * ETHER).toString() }),
      }),
    );
  });
});

describe('addresses', () => {
  const issue = (wallet: string, branch = 'receive') =>
    bulkhead.http.call('POST', `/v1/wallets/${wallet}/addresses`, { body: { branch } });
  const issued = (wallet: string): Promise<{ address: string; branch: string; index: number }[]> =>
    bulkhead.get(`/v1/wallets/${wallet}/addresses`);

  it('are fresh and unique, twenty asked for at once too, and are the node’s own derivation of the descriptor', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => issue('beta-btc')));
    expect(answers.map(inShort)).toEqual(answers.map(() => '201'));
    const addresses = answers.map(({ text }) => (JSON.parse(text) as { address: string }).address);
    expect(new Set(addresses).size).toBe(20);
    expect((await issued('beta-btc')).map(({ address }) => address).toSorted()).toEqual(addresses.toSorted());
    const { descriptor } = await bulkhead.get<{ descriptor: string }>('/v1/wallets/beta-btc');
    const [receive] = await bulkhead.stack.bitcoind.rpc.call<string[][]>('deriveaddresses', descriptor, [0, 19]);
    expect(addresses.toSorted()).toEqual(receive!.toSorted());
  });

  it('are never shared by two wallets', async () => {
    const [{ shared } = { shared: -1 }] = await bulkhead.query<{ shared: number }>(
      'select count(*)::int - count(distinct lower(address))::int as shared from managed_address',
    );
    expect(shared).toBe(0);
  });

  it('of a Safe are the one that it has', async () => {
    const answers = await Promise.all([issue('beta-eth'), issue('beta-eth')]);
    for (const { text } of answers) expect(JSON.parse(text)).toMatchObject({ address: scene.betaSafe, index: null });
  });

  it('come to an end, asked for at once too: not one more than the window has', async () => {
    const left = WINDOW - (await issued('beta-btc')).length;
    const answers = await Promise.all(Array.from({ length: left + 5 }, () => issue('beta-btc')));
    const shorts = answers.map(inShort);
    expect(shorts.filter((short) => short === '201')).toHaveLength(left);
    expect(shorts.filter((short) => short === '409 wallet.addresses-exhausted')).toHaveLength(5);
    expect(inShort(await issue('beta-btc'))).toBe('409 wallet.addresses-exhausted');
    expect(new Set((await issued('beta-btc')).map(({ address }) => address)).size).toBe(WINDOW);
  });

  it('for change come to an end too: then a payment is refused, and holds nothing', async () => {
    const { cast, stack } = bulkhead;
    const bank = await stack.bitcoind.faucet.address();
    await cast.approveDestination('beta', REGTEST, bank, 'Beta at its bank');
    const [{ address } = { address: '' }] = await issued('beta-btc');
    await stack.bitcoind.faucet.pay(address, COIN_SAT);
    await bulkhead.mine();
    const wish = { ...btcWish, owner: 'beta', wallet: 'beta-btc', to: bank };
    expect(await outcome(wish)).toBe('accepted');
    const answers = await Promise.all(Array.from({ length: WINDOW }, () => issue('beta-btc', 'change')));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(WINDOW - 1); // one went to the payment above
    expect(await outcome(wish)).toBe('wallet.addresses-exhausted');
    expect(await bulkhead.held('beta-btc')).toEqual([]);
  });
});
