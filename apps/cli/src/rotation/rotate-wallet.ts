import type { CharterState, Wallet } from '@bulkhead/charter';
import type { Facts } from '@bulkhead/evidence';
import type { AssetId, Result } from '@bulkhead/intent';
import { ApiRefusal } from '../api/api-client.js';
import type { TransferView } from '../api/custody-client.js';
import { readTransfer } from '../operator/own-reading.js';
import { Failure } from '../stack/index.js';
import type { Cast } from '../story/cast.js';
import type { Position } from '../story/money.js';
import { issuedAddress } from '../story/issued-address.js';
import { until } from '../story/waiting.js';

/** A wallet whose keys are exchanged by moving all that it holds to one with new keys. */
export type RotatedWallet = Extract<Wallet, { kind: 'bitcoin-multisig' | 'safe' }>;

/** Who proposes and approves: the members of a drill, or of a firm that runs. */
export type Movers = Pick<Cast, 'client' | 'olivia' | 'omar' | 'oskar' | 'freshAddress'>;

/** The charter as the movers' own devices verify it. */
export type OwnCharter = () => Promise<CharterState>;

/** `alpha-btc` is followed by `alpha-btc-r2`, that by `alpha-btc-r3`. */
export function successorOf(id: string): string {
  const [, base = id, number = '1'] = /^(.*)-r(\d+)$/.exec(id) ?? [];
  return `${base}-r${String(BigInt(number) + 1n)}`;
}

/** Opens the wallet that takes over, with a key from every signer’s token as it is now. Again, it finds the one it opened. */
export async function openSuccessor(cast: Cast, wallet: RotatedWallet): Promise<Facts> {
  const id = successorOf(wallet.id);
  const there = (await cast.charterWallets()).find((one) => one.id === id);
  if (!there) {
    if (wallet.kind === 'safe') await cast.openSafe(wallet.owner, id);
    else await cast.openBitcoinWallet(wallet.owner, id);
  }
  const opened = (await cast.charterWallets()).find((one) => one.id === id);
  if (!opened) throw new Error(`${id} is not in the charter`);
  const kept = opened.keys.filter(({ publicKey }) => wallet.keys.some((key) => key.publicKey === publicKey));
  if (kept.length > 0) throw new Error(`${id} has a key of ${wallet.id}`);
  return {
    'old wallet': wallet.id,
    'new wallet': id,
    ...Object.fromEntries(opened.keys.map(({ signer, publicKey }) => [`key of ${signer}`, publicKey])),
  };
}

/**
 * Pays all that may be spent to the successor, asset by asset, each a transfer with its quorum, and lists what stays:
 * deposits in quarantine, or too young. Again, it pays what may be spent by then.
 */
export async function sweepToSuccessor(
  cast: Movers,
  charter: OwnCharter,
  wallet: RotatedWallet,
  log: (line: string) => void,
): Promise<Facts> {
  const facts: Record<string, string> = {};
  for (const { asset, available } of await spendable(cast, wallet)) {
    const to = await payee(cast, wallet);
    const { id, intent, txId } = await settle(
      cast,
      charter,
      await proposeAll(cast, wallet, asset, to, BigInt(available)),
    );
    log(`  ${intent.amount} of ${asset} to ${to}: settled in ${txId ?? '?'}`);
    facts[`transfer ${id}`] = `${intent.amount} ${asset} to ${to} in ${txId ?? '?'}`;
  }
  const unpaid = await spendable(cast, wallet);
  if (unpaid.length > 0) throw new Error(`${wallet.id} still holds ${unpaid.map(({ asset }) => asset).join(', ')}`);
  return { 'old wallet': wallet.id, ...facts, left: leftText(await held(cast, wallet)) };
}

/** What lies on chain in the wallet, whether it may be spent or not. */
async function held(cast: Movers, wallet: RotatedWallet): Promise<Position[]> {
  const path = `/v1/ledger/positions?wallet=${wallet.id}`;
  const positions = await cast.client.api.get<Position[]>(path, cast.olivia.apiToken);
  return positions.filter(({ walletTotal }) => BigInt(walletTotal) > 0n);
}

const spendable = async (cast: Movers, wallet: RotatedWallet): Promise<Position[]> =>
  (await held(cast, wallet)).filter(({ available }) => BigInt(available) > 0n);

const leftText = (positions: readonly Position[]): string =>
  positions
    .map(
      ({ walletTotal, asset, suspense, pending }) =>
        `${walletTotal} ${asset} (${suspense} in quarantine, ${pending} unconfirmed)`,
    )
    .join('; ') || 'nothing';

const payee = (cast: Movers, wallet: RotatedWallet): Promise<string> =>
  wallet.kind === 'bitcoin-multisig'
    ? cast.freshAddress(successorOf(wallet.id))
    : issuedAddress(cast.client, cast.olivia, successorOf(wallet.id));

/** All but the fee: the refusal of the whole amount says how much is missing for it. */
async function proposeAll(
  cast: Movers,
  wallet: RotatedWallet,
  asset: AssetId,
  to: string,
  amount: bigint,
): Promise<TransferView> {
  const wish = { owner: wallet.owner, wallet: wallet.id, asset, to, memo: 'rotation' };
  const maxFee = wallet.kind === 'safe' ? 0n : 200_000n;
  try {
    return await cast.client.proposeTransfer(cast.olivia, { ...wish, amount, maxFee });
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.problem.code !== 'amount.insufficient-funds') throw error;
    const { needed = '0', available = '0' } = error.problem.facts;
    const affordable = amount - (BigInt(needed) - BigInt(available));
    return cast.client.proposeTransfer(cast.olivia, { ...wish, amount: affordable, maxFee });
  }
}

/**
 * Gives the approvals that are still missing, and waits until the chain has it.
 *
 * @throws Failure when the bytes do not hold by the charter that the movers verify themselves: nothing is signed then
 */
export async function settle(cast: Movers, charter: OwnCharter, proposed: TransferView): Promise<TransferView> {
  const { client, omar, oskar, olivia } = cast;
  const { id } = proposed;
  let view = proposed;
  for (const device of [omar, oskar]) {
    const given = view.approvals.some(({ member, stands }) => member === device.id && stands);
    if (view.state !== 'PENDING_APPROVAL' || given) continue;
    const reading = readTransfer(await charter(), id, view, new Date().toISOString());
    if (!reading.checked.ok) throw doNotHold(id, reading.checked);
    view = await client.approveTransfer(device, reading.view);
  }
  return until(`settlement of ${id}`, async () => {
    const now = await client.transfer(olivia, id);
    if (now.state === 'SETTLED') return now;
    if (['FAILED', 'REFUSED', 'REJECTED', 'REPLACED', 'EXPIRED'].includes(now.state)) {
      throw new Error(`transfer ${id} is ${now.state}: ${now.refusal?.detail ?? ''}`);
    }
    return undefined;
  });
}

const doNotHold = (id: string, { refusal }: Extract<Result<unknown>, { ok: false }>): Failure =>
  new Failure(`The bytes of transfer ${id} do not hold: ${refusal.code}. ${refusal.detail}`, 'Nothing was signed.');

/** Nothing leaves the old wallet any more: what still arrives there is seen, and waits for a decision. */
export async function closeOld(cast: Movers, wallet: RotatedWallet, reason: string): Promise<Facts> {
  const scope = { of: 'wallet', wallet: wallet.id } as const;
  await cast.client.enact({ kind: 'freeze', scope, reason }, cast.olivia, [cast.omar]);
  return { frozen: wallet.id, reason };
}
