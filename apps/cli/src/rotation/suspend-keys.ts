import { keyLife, type Act, type CharterState } from '@bulkhead/charter';
import type { Facts } from '@bulkhead/evidence';
import { chainOwner, type LiveFirm } from './live-firm.js';

type Suspension = Extract<Act, { kind: 'key.suspend' }>;

/**
 * Takes every key of a signer out of use, in frozen wallets too: a tightening, in force at once, so that a suspected
 * signer signs nothing while its wallets are moved. Again, it suspends what is still active.
 */
export async function suspendKeys(firm: LiveFirm, signer: string, reason: string): Promise<Facts> {
  for (const act of activeKeysOf(await firm.charter(), signer)) {
    const state = await firm.charter();
    const wallet = state.wallets.get(act.wallet);
    if (!wallet) throw new Error('the charter forgets no wallet');
    await firm.enact({ ...act, reason }, chainOwner(state, wallet.owner));
  }
  const state = await firm.charter();
  const [left] = activeKeysOf(state, signer);
  if (left) throw new Error(`the key of ${signer} in ${left.wallet} is still active`);
  const suspended = [...state.keyLives.values()].filter((life) => life.signer === signer && life.state === 'SUSPENDED');
  return { signer, ...Object.fromEntries(suspended.map(({ wallet, publicKey }) => [`key of ${wallet}`, publicKey])) };
}

const activeKeysOf = (state: CharterState, signer: string): Omit<Suspension, 'reason'>[] =>
  [...state.wallets.values()].flatMap(({ id: wallet, keys }) =>
    keys
      .filter((key) => key.signer === signer && keyLife(state, { wallet, ...key })?.state === 'ACTIVE')
      .map(({ publicKey }) => ({ kind: 'key.suspend' as const, wallet, signer, publicKey })),
  );
