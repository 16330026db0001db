import type { AssetId } from '@bulkhead/intent';
import { Interface } from 'ethers';
import { ALPHA, BETA, HOUSE, type Cast } from './cast.js';
import type { Narrator } from './narrator.js';
import type { Scene } from './scene.js';
import { until } from './waiting.js';
import type { TransferView, TransferWish } from '../api/custody-client.js';

export const BTC = 100_000_000n;
export const ETHER = 10n ** 18n;
const ERC20 = new Interface(['function transfer(address,uint256) returns (bool)']);

export interface Position {
  readonly owner: string;
  readonly wallet: string;
  readonly asset: AssetId;
  readonly walletTotal: string;
  readonly pending: string;
  readonly suspense: string;
  readonly available: string;
}

/** Deposits from the outside world on both chains, and one from the house's treasury that must not be credited. */
export async function deposits(cast: Cast, narrator: Narrator, scene: Scene): Promise<void> {
  narrator.chapter('Deposits from the outside world');
  const { faucet } = cast.stack.bitcoind;
  for (const [owner, amount] of [
    [ALPHA, (12n * BTC) / 10n],
    [ALPHA, (8n * BTC) / 10n],
    [BETA, 3n * BTC],
    [HOUSE, BTC],
  ] as const) {
    await faucet.pay(await cast.freshAddress(`${owner}-btc`), amount);
  }
  await faucet.pay(scene.treasuryAddress, BTC);
  await faucet.mine(2);
  const { rpc, accounts } = cast.stack.anvil;
  const [deployer, outside] = accounts;
  if (!deployer || !outside) throw new Error('the node holds too few accounts');
  await rpc.send({ from: outside, to: scene.alphaSafe, valueWei: 5n * ETHER });
  await rpc.send({ from: outside, to: scene.betaSafe, valueWei: 4n * ETHER });
  const tokens = ERC20.encodeFunctionData('transfer', [scene.alphaSafe, 1_000n * ETHER]);
  await rpc.send({ from: deployer, to: cast.stack.contracts.testToken, data: tokens });
  await rpc.call('anvil_mine', '0x2');
  await credited(cast, narrator, 'Alpha: 2 BTC', 'alpha-btc', cast.btc, 2n * BTC);
  await credited(cast, narrator, 'Beta: 3 BTC', 'beta-btc', cast.btc, 3n * BTC);
  await credited(cast, narrator, 'The house: 1 BTC', 'house-btc', cast.btc, BTC);
  await credited(cast, narrator, 'Alpha: 5 ETH', 'alpha-eth', cast.eth, 5n * ETHER);
  await credited(cast, narrator, 'Beta: 4 ETH', 'beta-eth', cast.eth, 4n * ETHER);
  await credited(cast, narrator, 'Alpha: 1000 TUSD', 'alpha-eth', cast.tusd, 1_000n * ETHER);
  await quarantine(cast, narrator, scene);
}

async function credited(
  cast: Cast,
  narrator: Narrator,
  what: string,
  wallet: string,
  asset: AssetId,
  amount: bigint,
): Promise<void> {
  await narrator.does(`${what} credited`, 'block follower, ledger', () =>
    until(what, async () => {
      const available = (await positions(cast, wallet, asset))?.available;
      return available === amount.toString() ? true : undefined;
    }),
  );
}

export async function positions(cast: Cast, wallet: string, asset: AssetId): Promise<Position | undefined> {
  const path = `/v1/ledger/positions?wallet=${wallet}&asset=${encodeURIComponent(asset)}`;
  return (await cast.client.api.get<Position[]>(path, cast.olivia.apiToken))[0];
}

/** House money that arrives at a client's wallet is held apart, and somebody has to look. */
async function quarantine(cast: Cast, narrator: Narrator, { treasury }: Scene): Promise<void> {
  const { faucet } = cast.stack.bitcoind;
  const address = await cast.freshAddress('alpha-btc');
  await narrator.does(
    '0.1 BTC from the house’s treasury into Alpha’s wallet: quarantined',
    'block follower',
    async () => {
      const txid = await treasury.call<string>('sendtoaddress', address, '0.1');
      await faucet.mine(2);
      await until('the quarantine', async () => {
        const path = '/v1/deposits?wallet=alpha-btc&status=QUARANTINED';
        const held = await cast.client.api.get<{ transaction: string }[]>(path, cast.olivia.apiToken);
        return held.some((deposit) => deposit.transaction === txid) ? true : undefined;
      });
      const incidents = await cast.client.api.get<{ kind: string; wallet: string }[]>(
        '/v1/incidents',
        cast.olivia.apiToken,
      );
      if (!incidents.some(({ kind }) => kind === 'deposit.quarantined')) throw new Error('no incident was opened');
    },
  );
}

/** Approved payouts, each settled on its chain. */
export async function payouts(cast: Cast, narrator: Narrator, scene: Scene): Promise<void> {
  narrator.chapter('Payouts: Olivia proposes, Omar and Oskar approve the exact bytes, two of three tokens sign');
  await payout(cast, narrator, 'Alpha pays 0.5 BTC to its bank', {
    owner: ALPHA,
    wallet: 'alpha-btc',
    asset: cast.btc,
    to: scene.alphaBitcoinDestination,
    amount: BTC / 2n,
    maxFee: 20_000n,
  });
  await payout(cast, narrator, 'Beta pays 1.5 ETH to its broker', {
    owner: BETA,
    wallet: 'beta-eth',
    asset: cast.eth,
    to: scene.betaEthereumDestination,
    amount: (3n * ETHER) / 2n,
  });
  await payout(cast, narrator, 'Alpha pays 250 TUSD to its broker', {
    owner: ALPHA,
    wallet: 'alpha-eth',
    asset: cast.tusd,
    to: scene.alphaEthereumDestination,
    amount: 250n * ETHER,
  });
}

async function payout(cast: Cast, narrator: Narrator, what: string, wish: TransferWish): Promise<void> {
  const settled = await narrator.does(what, 'orchestrator, 2 signers', async () => {
    let view = await cast.client.proposeTransfer(cast.olivia, wish);
    view = await cast.client.approveTransfer(cast.omar, view);
    view = await cast.client.approveTransfer(cast.oskar, view);
    return settle(cast, view.id);
  });
  narrator.say(`  settled in transaction ${settled.txId ?? '?'}`);
}

/** Waits until a transfer is settled; mines what it waits for. Throws when it ends otherwise. */
async function settle(cast: Cast, id: string): Promise<TransferView> {
  return until(`settlement of ${id}`, async () => {
    const view = await cast.client.transfer(cast.olivia, id);
    if (view.state === 'SETTLED') return view;
    if (['FAILED', 'REFUSED', 'REJECTED', 'REPLACED', 'EXPIRED'].includes(view.state)) {
      throw new Error(`transfer ${id} is ${view.state}: ${view.refusal?.code ?? ''} ${view.refusal?.detail ?? ''}`);
    }
    return undefined;
  });
}
