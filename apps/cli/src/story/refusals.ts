import { deriveAddress } from '@bulkhead/bitcoin';
import { bitcoinSpec, type BitcoinWallet } from '@bulkhead/charter';
import { buildSafeTransfer, parseEthereumAddress } from '@bulkhead/ethereum';
import { orThrow, payloadDigest, type Payload } from '@bulkhead/intent';
import { ApiRefusal } from '../api/api-client.js';
import type { TransferView, TransferWish } from '../api/custody-client.js';
import { ALPHA, BETA, type Cast, ETHEREUM } from './cast.js';
import { coinsOf, forgePsbt, madeUpContract, type ForgedInput } from './forge.js';
import { HostileOrchestrator, type Forgery } from './hostile-orchestrator.js';
import { BTC, ETHER } from './money.js';
import type { Narrator } from './narrator.js';
import type { Scene } from './scene.js';

const FEE_SAT = 2_000n;

/** What the attacks are made with. */
interface Loot {
  readonly wallet: BitcoinWallet;
  readonly coin: ForgedInput;
  readonly betaCoin: ForgedInput;
  readonly change: string;
  readonly houseAddress: string;
  readonly betaAddress: string;
}

/** One attack: tried through the API, and with the same bytes and real signatures straight at every signer. */
interface Attack {
  readonly what: string;
  readonly code: string;
  readonly wish: TransferWish;
  readonly payload: Payload;
  /** How the forged request departs from one whose quorum has honestly approved these very bytes. */
  readonly forgery?: Forgery;
  /** How it is tried through the API; by default the initiator proposes these bytes. */
  readonly viaApi?: () => Promise<unknown>;
}

/** Every attempt to mix, by the API and past it. All of them must come to nothing, each for its own reason. */
export async function refusals(cast: Cast, narrator: Narrator, scene: Scene): Promise<void> {
  narrator.chapter('Attempts to mix: through the API, and straight at the signers with forged, fully signed requests');
  const hostile = new HostileOrchestrator(cast);
  const { olivia, client } = cast;
  const loot = await prepare(cast);
  const honest = honestWish(cast, scene);
  const pending = await client.proposeTransfer(olivia, honest);
  try {
    const attacks = [
      ...misdirected(cast, scene, loot),
      ...(await misapproved(cast, scene, loot, honest, pending)),
      ...miscalled(cast, scene),
    ];
    for (const attack of attacks) {
      const { what, code, wish, payload, forgery, viaApi } = attack;
      await narrator.isRefused(what, 'API', code, () =>
        refusalOf(viaApi ?? (() => hostile.proposeByApi(wish, payload))),
      );
      await narrator.isRefused(what, 'signer-a, signer-b, signer-c', code, () =>
        hostile.askSigners(wish, payload, forgery ?? {}),
      );
    }
    await client.cancelTransfer(olivia, pending);
  } finally {
    hostile.close();
  }
}

async function refusalOf(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt();
    return 'accepted';
  } catch (error) {
    if (error instanceof ApiRefusal) return error.problem.code;
    throw error;
  }
}

/** A payout that is right in every respect, and gets only one of the two approvals that it needs. */
const honestWish = (cast: Cast, scene: Scene): TransferWish => ({
  owner: ALPHA,
  wallet: 'alpha-btc',
  asset: cast.btc,
  to: scene.alphaBitcoinDestination,
  amount: BTC / 5n,
  maxFee: 20_000n,
});

async function prepare(cast: Cast): Promise<Loot> {
  const wallet = await bitcoinWallet(cast, 'alpha-btc');
  const [coin] = await unspentCoins(cast, wallet);
  const [betaCoin] = await unspentCoins(cast, await bitcoinWallet(cast, 'beta-btc'));
  if (!coin || !betaCoin) throw new Error('the clients have no coins to attack');
  return {
    wallet,
    coin,
    betaCoin,
    change: deriveAddress(bitcoinSpec(wallet), 1, wallet.addressWindow - 1).address,
    houseAddress: await cast.freshAddress('house-btc'),
    betaAddress: await cast.freshAddress('beta-btc'),
  };
}

async function bitcoinWallet(cast: Cast, id: string): Promise<BitcoinWallet> {
  const wallet = (await cast.charterWallets()).find((candidate) => candidate.id === id);
  if (wallet?.kind !== 'bitcoin-multisig') throw new Error(`${id} is not a Bitcoin wallet`);
  return wallet;
}

async function unspentCoins(cast: Cast, wallet: BitcoinWallet): Promise<ForgedInput[]> {
  const coins = await coinsOf(cast, wallet);
  const unspent = await Promise.all(
    coins.map((coin) => cast.stack.bitcoind.rpc.call<unknown>('gettxout', coin.txid, coin.vout)),
  );
  return coins.filter((_, position) => unspent[position] !== null);
}

/** Bytes that pay somebody they must not pay. */
function misdirected(cast: Cast, scene: Scene, loot: Loot): Attack[] {
  const { coin, betaCoin, change, houseAddress, betaAddress } = loot;
  const amount = BTC / 10n;
  const wish = (to: string): TransferWish => ({
    owner: ALPHA,
    wallet: 'alpha-btc',
    asset: cast.btc,
    to,
    amount,
    maxFee: 20_000n,
  });
  const pay = (to: string, inputs: readonly ForgedInput[] = [coin], rest = change): Payload => {
    const total = inputs.reduce((sum, input) => sum + input.amountSat, 0n);
    return forgePsbt(inputs, [
      { address: to, amountSat: amount },
      { address: rest, amountSat: total - amount - FEE_SAT },
    ]);
  };
  const approved = scene.alphaBitcoinDestination;
  return [
    {
      what: 'Alpha’s coins to the house',
      code: 'segregation.pays-house',
      wish: wish(houseAddress),
      payload: pay(houseAddress),
    },
    {
      what: 'Alpha’s coins to Beta',
      code: 'segregation.pays-other-client',
      wish: wish(betaAddress),
      payload: pay(betaAddress),
    },
    {
      what: 'coins of Alpha and Beta in one PSBT',
      code: 'segregation.mixed-owners',
      wish: wish(approved),
      payload: pay(approved, [coin, betaCoin]),
    },
    {
      what: 'change that is not the wallet’s own',
      code: 'segregation.change-not-own',
      wish: wish(approved),
      payload: pay(approved, [coin], scene.strangerBitcoin),
    },
    {
      what: 'a destination that nobody approved',
      code: 'segregation.unknown-destination',
      wish: wish(scene.strangerBitcoin),
      payload: pay(scene.strangerBitcoin),
    },
  ];
}

/** Honest bytes with approvals that do not carry them. */
async function misapproved(
  cast: Cast,
  scene: Scene,
  { coin, change }: Loot,
  wish: TransferWish,
  pending: TransferView,
): Promise<Attack[]> {
  const amount = BigInt(wish.amount);
  const withFee = (feeSat: bigint): Payload =>
    forgePsbt(
      [coin],
      [
        { address: scene.alphaBitcoinDestination, amountSat: amount },
        { address: change, amountSat: coin.amountSat - amount - feeSat },
      ],
    );
  const honest = withFee(FEE_SAT);
  const dearer = withFee(2n * FEE_SAT);
  const { client, olivia, omar } = cast;
  const approvedByOmar = await client.approveTransfer(omar, pending);
  return [
    {
      what: 'a fee that was changed after the approval',
      code: 'approval.payload-mismatch',
      wish,
      payload: dearer,
      forgery: { approvalsFor: payloadDigest(honest) },
      viaApi: () => {
        if (!pending.toApprove) throw new Error('nothing to approve');
        const approval = cast.oskar.say('APPROVE', { ...pending.toApprove, payload: payloadDigest(dearer) });
        return client.api.post(`/v1/transfers/${pending.id}/approvals`, cast.oskar.apiToken, { approval });
      },
    },
    {
      what: 'one approver twice',
      code: 'approval.duplicate',
      wish,
      payload: honest,
      forgery: { approvers: [omar, omar] },
      viaApi: () => client.approveTransfer(omar, approvedByOmar),
    },
    {
      what: 'the initiator as the second approver',
      code: 'approval.initiator',
      wish,
      payload: honest,
      forgery: { approvers: [omar, olivia] },
      viaApi: () => client.approveTransfer(olivia, approvedByOmar),
    },
  ];
}

/** A Safe that is made to run somebody else's code. */
function miscalled(cast: Cast, scene: Scene): Attack[] {
  const wish: TransferWish = {
    owner: BETA,
    wallet: 'beta-eth',
    asset: cast.eth,
    to: scene.betaEthereumDestination,
    amount: ETHER,
  };
  const to = orThrow(parseEthereumAddress(scene.betaEthereumDestination));
  const tx = buildSafeTransfer({ asset: cast.eth, to, amount: ETHER, nonce: 1n });
  const unknown = orThrow(parseEthereumAddress(madeUpContract()));
  return [
    {
      what: 'a delegatecall to an unknown contract',
      code: 'ethereum.delegatecall-unknown',
      wish,
      payload: {
        kind: 'safe-tx',
        chain: ETHEREUM,
        safe: scene.betaSafe,
        tx: { ...tx, to: unknown, value: '0', data: '0x8d80ff0a', operation: 1 },
      },
    },
  ];
}
