import type { Act, CharterState, MpcWallet } from '@bulkhead/charter';
import type { Facts } from '@bulkhead/evidence';
import { Failure } from '../stack/index.js';
import { chainOwner, type LiveFirm } from './live-firm.js';
import type { Exchange } from './swap-owner.js';

type Switch = Extract<Act, { kind: 'mpc-wallet.switch' }>;

/** The charter permits that the shares go to the members that stay, and to the signer that takes over. */
export async function permitResharing(firm: LiveFirm, id: string, exchange: Exchange): Promise<Facts> {
  const state = await firm.charter();
  const { threshold, owner, ...wallet } = mpcOf(state, id);
  const members = membersAfter(wallet, exchange);
  const isPermitted = (now: CharterState): boolean => {
    const permit = now.resharings.get(id)?.permit;
    return isHeldBy(mpcOf(now, id), members) || permit?.members.join() === members.join();
  };
  const act = { kind: 'mpc-wallet.reshare', wallet: id, members, threshold } as const;
  await firm.bring(isPermitted, act, chainOwner(state, owner));
  return { wallet: id, members: members.join(', '), threshold: String(threshold) };
}

/** The members that stay deal new shares of the same key, and the charter puts them into use. */
export async function switchShares(firm: LiveFirm, id: string, exchange: Exchange): Promise<Facts> {
  const state = await firm.charter();
  const before = mpcOf(state, id);
  const members = membersAfter(before, exchange);
  if (!isHeldBy(before, members)) {
    const { keys } = await firm.post<Pick<Switch, 'keys'>>(`/v1/wallets/${id}/resharings`, {});
    await firm.enact({ kind: 'mpc-wallet.switch', wallet: id, keys }, chainOwner(state, before.owner));
  }
  const { address, keys } = mpcOf(await firm.charter(), id);
  return {
    wallet: id,
    address,
    ...Object.fromEntries(keys.map(({ signer, publicKey }) => [`share of ${signer}`, publicKey])),
  };
}

/** Destroys the shares of before, and deals once more: copies of what was dealt on the way are worth nothing then. */
export async function endOldShares(firm: LiveFirm, id: string): Promise<Facts> {
  const { released } = await firm.post<{ released: string[] }>(`/v1/wallets/${id}/share-releases`, {});
  const { epoch } = await firm.post<{ epoch: number }>(`/v1/wallets/${id}/share-refreshes`, {});
  return { wallet: id, 'old shares destroyed at': released.join(', '), epoch: String(epoch) };
}

/** Ascending, as a permit names them. */
const membersAfter = ({ keys }: Pick<MpcWallet, 'keys'>, { lost, spare }: Exchange): string[] => [
  ...new Set(keys.map(({ signer }) => (signer === lost ? spare : signer)).sort()),
];

const isHeldBy = ({ keys }: MpcWallet, members: readonly string[]): boolean =>
  keys.map(({ signer }) => signer).join() === members.join();

function mpcOf(state: CharterState, id: string): MpcWallet {
  const wallet = state.wallets.get(id);
  if (wallet?.kind !== 'taproot-mpc') throw new Failure(`${id} is no MPC wallet of the charter.`);
  return wallet;
}
