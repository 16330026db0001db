import { setTimeout as sleep } from 'node:timers/promises';
import type { Act, CharterState, Wallet } from '@bulkhead/charter';
import type { Facts } from '@bulkhead/evidence';
import { intentDigest, type AssetId, type Result } from '@bulkhead/intent';
import { ApiRefusal } from '../api/api-client.js';
import type { CustodyClient, TransferView } from '../api/custody-client.js';
import type { MemberDevice } from '../members/member-device.js';
import { readTransfer } from '../operator/own-reading.js';
import { Failure } from '../stack/index.js';
import type { Cast } from '../story/cast.js';
import type { Position } from '../story/money.js';
import { issuedAddress } from '../story/issued-address.js';

/** A wallet whose keys are exchanged by moving all that it holds to one with new keys. */
export type RotatedWallet = Extract<Wallet, { kind: 'bitcoin-multisig' | 'safe' }>;

/** Who moves a wallet: the members of a drill, or of a firm that runs. */
export interface Movers {
  readonly client: CustodyClient;
  readonly proposer: MemberDevice;
  /** Who approves transfers, one after the other, as long as they need it. */
  readonly approvers: readonly MemberDevice[];
  /** The charter as the movers' own devices verify it. */
  readonly charter: () => Promise<CharterState>;
  readonly enact: (act: Act, owner?: string) => Promise<void>;
  readonly freshAddress: (wallet: string) => Promise<string>;
  readonly log: (line: string) => void;
}

const MEMO = 'rotation';
const LOOK_EVERY_MS = 500;

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
 * deposits in quarantine, or too young. Again, it waits for what is under way and pays what may be spent by then.
 */
export async function sweepToSuccessor(movers: Movers, wallet: RotatedWallet): Promise<Facts> {
  const facts: Record<string, string> = {};
  const settled = async (by: Movers, proposed: TransferView): Promise<void> => {
    const { id, intent, txId } = await settle(by, proposed);
    movers.log(`  ${intent.amount} of ${intent.asset} to ${intent.to}: settled in ${txId ?? '?'}`);
    facts[`transfer ${id}`] = `${intent.amount} ${intent.asset} to ${intent.to} in ${txId ?? '?'}`;
  };
  const begun = await underWay(movers, wallet.id);
  // nobody here says yes to what was proposed before: a label does not show who asked for it, nor whom it pays
  const waitFor = { ...movers, approvers: [] };
  for (const transfer of begun.filter(({ intent }) => intent.memo === MEMO)) await settled(waitFor, transfer);
  for (const { asset, available } of await spendable(movers, wallet)) {
    const to = await payee(movers, wallet);
    await settled(movers, await proposeAll(movers, wallet, asset, to, BigInt(available)));
  }
  const unpaid = await spendable(movers, wallet);
  if (unpaid.length > 0) throw new Error(`${wallet.id} still holds ${unpaid.map(({ asset }) => asset).join(', ')}`);
  return { 'old wallet': wallet.id, ...facts, left: leftText(await held(movers, wallet)) };
}

const ENDED = ['REFUSED', 'REJECTED', 'CANCELLED', 'REPLACED', 'EXPIRED', 'FAILED', 'SETTLED'];

/** The transfers of a wallet that have not come to their end. */
export async function underWay({ client, proposer }: Movers, wallet: string): Promise<TransferView[]> {
  const all = await client.api.get<TransferView[]>('/v1/transfers', proposer.apiToken);
  return all.filter(({ intent, state }) => intent.wallet === wallet && !ENDED.includes(state));
}

/** What lies on chain in the wallet, whether it may be spent or not. */
async function held({ client, proposer }: Movers, wallet: RotatedWallet): Promise<Position[]> {
  const path = `/v1/ledger/positions?wallet=${wallet.id}`;
  const positions = await client.api.get<Position[]>(path, proposer.apiToken);
  return positions.filter(({ walletTotal }) => BigInt(walletTotal) > 0n);
}

const spendable = async (movers: Movers, wallet: RotatedWallet): Promise<Position[]> =>
  (await held(movers, wallet)).filter(({ available }) => BigInt(available) > 0n);

const leftText = (positions: readonly Position[]): string =>
  positions
    .map(
      ({ walletTotal, asset, suspense, pending }) =>
        `${walletTotal} ${asset} (${suspense} in quarantine, ${pending} unconfirmed)`,
    )
    .join('; ') || 'nothing';

const payee = ({ client, proposer, freshAddress }: Movers, wallet: RotatedWallet): Promise<string> =>
  wallet.kind === 'bitcoin-multisig'
    ? freshAddress(successorOf(wallet.id))
    : issuedAddress(client, proposer, successorOf(wallet.id));

/** All but the fee: the refusal of the whole amount says how much is missing for it. */
async function proposeAll(
  { client, proposer }: Movers,
  wallet: RotatedWallet,
  asset: AssetId,
  to: string,
  amount: bigint,
): Promise<TransferView> {
  const wish = { owner: wallet.owner, wallet: wallet.id, asset, to, memo: MEMO };
  const maxFee = wallet.kind === 'safe' ? 0n : 200_000n;
  try {
    return await client.proposeTransfer(proposer, { ...wish, amount, maxFee });
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.problem.code !== 'amount.insufficient-funds') throw error;
    const { needed = '0', available = '0' } = error.problem.facts;
    const affordable = amount - (BigInt(needed) - BigInt(available));
    return client.proposeTransfer(proposer, { ...wish, amount: affordable, maxFee });
  }
}

/**
 * Gives the approvals that are still missing, as far as they can be given here, and waits until the chain has it.
 *
 * @throws Failure when the bytes do not hold by the charter that the movers verify themselves: nothing is signed then;
 * and when the transfer comes to another end
 */
export async function settle(movers: Movers, proposed: TransferView): Promise<TransferView> {
  const { client, approvers, charter, proposer, log } = movers;
  const { id } = proposed;
  const asked = intentDigest(proposed.intent);
  let view = proposed;
  for (const device of approvers) {
    const given = view.approvals.some(({ member, stands }) => member === device.id && stands);
    if (view.state !== 'PENDING_APPROVAL' || given || device.id === view.intent.initiator) continue;
    const reading = readTransfer(await charter(), id, view, new Date().toISOString());
    if (!reading.checked.ok) throw doNotHold(id, reading.checked);
    if (intentDigest(reading.view.intent) !== asked)
      throw new Failure(`Another intent is shown as transfer ${id}.`, 'Nothing was signed.');
    view = await approved(client, device, reading.view);
  }
  if (view.state === 'PENDING_APPROVAL') {
    log(`  transfer ${id} waits for approvals until ${view.intent.expiresAt}`);
    log(`  npx bulkhead approve ${id} --as <member>, or in the console`);
  }
  for (;;) {
    const now = await client.transfer(proposer, id);
    if (now.state === 'SETTLED') return now;
    if (ENDED.includes(now.state)) {
      throw new Failure(`Transfer ${id} is ${now.state}: ${now.refusal?.detail ?? ''}`, 'The same command goes on.');
    }
    await sleep(LOOK_EVERY_MS);
  }
}

/** Whose word does not count for it is passed over. */
async function approved(client: CustodyClient, device: MemberDevice, view: TransferView): Promise<TransferView> {
  try {
    return await client.approveTransfer(device, view);
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.problem.code !== 'approval.not-eligible') throw error;
    return view;
  }
}

const doNotHold = (id: string, { refusal }: Extract<Result<unknown>, { ok: false }>): Failure =>
  new Failure(`The bytes of transfer ${id} do not hold: ${refusal.code}. ${refusal.detail}`, 'Nothing was signed.');

/** Nothing leaves the old wallet any more: what still arrives there is seen, and waits for a decision. */
export async function closeOld(movers: Pick<Movers, 'enact'>, { id }: RotatedWallet, reason: string): Promise<Facts> {
  await movers.enact({ kind: 'freeze', scope: { of: 'wallet', wallet: id }, reason });
  return { frozen: id, reason };
}
