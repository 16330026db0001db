import { REGTEST, type AssetId, type ChainId } from '@bulkhead/intent';
import type { TransferWish } from '../api/custody-client.js';
import { bitcoinAmount, type Stack } from '../stack/index.js';
import { ETHEREUM, HOUSE, type Cast } from '../story/cast.js';
import { positions } from '../story/money.js';
import { until } from '../story/waiting.js';
import { inParallel } from './in-parallel.js';

/** Clients are opened side by side: each has a charter chain of its own. */
const CLIENTS = ['bench-a', 'bench-b', 'bench-c', 'bench-d'] as const;
/** Below the 25 unconfirmed transactions that a node relays in a row. */
const DEPOSITS_PER_BLOCK = 20;
const COIN_SAT = 1_000_000n;
const PAYMENT_SAT = 400_000n;
const MAX_FEE_SAT = 20_000n;
const SAFE_FUND_WEI = 10n ** 18n;
const PAYMENT_WEI = 10n ** 15n;
const GAS_FUND_WEI = 20n * 10n ** 18n;
const PATIENCE_MS = 90_000;

/** A wallet that pays and the approved destination it pays to. */
export interface Payer {
  readonly owner: string;
  readonly wallet: string;
  readonly to: string;
}

/** What is opened before anything is measured: the house, its gas payer, the clients. */
export async function openFirm(cast: Cast): Promise<void> {
  await cast.enact({ kind: 'house.open', owner: { id: HOUSE, name: 'The house' } });
  await cast.enact({ kind: 'asset.list', asset: { id: cast.btc, symbol: 'BTC', decimals: 8 } });
  await cast.enact({ kind: 'asset.list', asset: { id: cast.eth, symbol: 'ETH', decimals: 18 } });
  const gasPayer = await cast.openGasPayer('house-gas');
  const { rpc, accounts } = cast.stack.anvil;
  await rpc.send({ from: account(accounts, 0), to: gasPayer, valueWei: GAS_FUND_WEI });
  for (const id of CLIENTS) await cast.enact({ kind: 'client.open', owner: { id, name: id } }, id);
}

/**
 * Opens Bitcoin wallets, so many for each client, and deposits coins into each: all equal, each in a transaction of its
 * own with a coin of every wallet, so that every payment spends one coin and has change.
 */
export async function openBitcoinPayers(cast: Cast, walletsPerClient: number, coins: number): Promise<Payer[]> {
  const { faucet } = cast.stack.bitcoind;
  const payers = await openPayers(
    REGTEST,
    cast,
    walletsPerClient,
    () => faucet.address(),
    async (owner, wallet) => {
      await cast.openBitcoinWallet(owner, wallet);
    },
  );
  const outputs: Record<string, string> = {};
  for (const { wallet } of payers) outputs[await cast.freshAddress(wallet)] = bitcoinAmount(COIN_SAT);
  const treasury = cast.stack.bitcoind.rpc.withWallet('faucet');
  for (let deposit = 1; deposit <= coins; deposit += 1) {
    await treasury.call('sendmany', '', outputs);
    if (deposit % DEPOSITS_PER_BLOCK === 0) await faucet.mine();
  }
  await faucet.mine(2);
  await credited(cast, payers, cast.btc, BigInt(coins) * COIN_SAT);
  return payers;
}

/** Opens Safes, so many for each client, funds each, and waits until the gas payer has deployed them. */
export async function openSafePayers(cast: Cast, safesPerClient: number): Promise<Payer[]> {
  const { rpc, accounts } = cast.stack.anvil;
  const safes: string[] = [];
  let next = 0;
  const destination = (): Promise<string> => Promise.resolve(account(accounts, 1 + next++));
  const payers = await openPayers(ETHEREUM, cast, safesPerClient, destination, async (owner, wallet) => {
    safes.push(await cast.openSafe(owner, wallet));
  });
  for (const safe of safes) await rpc.send({ from: account(accounts, 0), to: safe, valueWei: SAFE_FUND_WEI });
  await rpc.call('anvil_mine', '0x2');
  for (const safe of safes) await cast.untilDeployed(safe);
  await credited(cast, payers, cast.eth, SAFE_FUND_WEI);
  return payers;
}

export function bitcoinWish(cast: Cast, { owner, wallet, to }: Payer): TransferWish {
  return { owner, wallet, to, asset: cast.btc, amount: PAYMENT_SAT, maxFee: MAX_FEE_SAT };
}

export function etherWish(cast: Cast, { owner, wallet, to }: Payer): TransferWish {
  return { owner, wallet, to, asset: cast.eth, amount: PAYMENT_WEI };
}

async function openPayers(
  chain: ChainId,
  cast: Cast,
  perClient: number,
  destination: () => Promise<string>,
  open: (owner: string, wallet: string) => Promise<void>,
): Promise<Payer[]> {
  const kind = chain === REGTEST ? 'btc' : 'safe';
  const opened = await inParallel(CLIENTS, CLIENTS.length, async (owner) => {
    const to = await destination();
    await cast.approveDestination(owner, chain, to, `${owner}: where it pays to`);
    const payers: Payer[] = [];
    for (let number = 1; number <= perClient; number += 1) {
      const wallet = `${owner}-${kind}-${number}`;
      await open(owner, wallet);
      payers.push({ owner, wallet, to });
    }
    return payers;
  });
  return opened.flat();
}

async function credited(cast: Cast, payers: readonly Payer[], asset: AssetId, amount: bigint): Promise<void> {
  for (const { wallet } of payers) {
    const arrived = async (): Promise<true | undefined> =>
      (await positions(cast, wallet, asset))?.available === amount.toString() ? true : undefined;
    await until(`the deposit of ${wallet}`, arrived, PATIENCE_MS);
  }
}

function account(accounts: Stack['anvil']['accounts'], number: number): string {
  const address = accounts[number];
  if (address === undefined) throw new Error('the node holds too few accounts');
  return address;
}
