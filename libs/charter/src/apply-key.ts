import { accepted, refused, type Result } from '@bulkhead/intent';
import type { Act } from './acts.js';
import { keyLife, staysSpendable, type KeyLife } from './key-life.js';
import type { CharterState } from './state.js';

type ActOf<K extends Act['kind']> = Extract<Act, { kind: K }>;
type Retirement = ActOf<'key.retire'>;
type Changing = ActOf<'key.suspend' | 'key.activate' | 'key.retire' | 'key.destroy'>;

/** Always possible, like a freeze: also when the wallet cannot be spent from meanwhile. */
export const suspendKey = (state: CharterState, act: ActOf<'key.suspend'>, at: string): Result<CharterState> =>
  changed(state, act, ['ACTIVE', 'SUSPENDED'], { state: 'SUSPENDED', since: at, reason: act.reason });

export function activateKey(state: CharterState, act: ActOf<'key.activate'>, at: string): Result<CharterState> {
  if (state.signers.get(act.signer)?.retired) {
    return refused('charter.signer-retired', 'The signer is retired.', { signer: act.signer });
  }
  return changed(state, act, ['SUSPENDED'], { state: 'ACTIVE', since: at, reason: '' });
}

/**
 * Ends a key for good. What is left must still be a quorum that can sign now, since a suspended key may never come back,
 * and nothing must push anybody to trust it again in order to reach the funds. A wallet that is given up is frozen by its
 * own freeze first; then it takes the quorum and the delay of a destruction: see {@link givesUpWallet}.
 */
export function retireKey(state: CharterState, act: Retirement, at: string): Result<CharterState> {
  const next = retired(state, act, at);
  if (!next.ok || !losesQuorum(state, next.value, act) || state.frozen.has(`wallet:${act.wallet}`)) return next;
  return refused(
    'charter.quorum-unreachable',
    'The wallet would have fewer keys left than its threshold: rotate it first, or freeze it to give it up.',
    { wallet: act.wallet, signer: act.signer },
  );
}

/** Whether a retirement takes from a wallet the last quorum it has: as grave as destroying the key. */
export function givesUpWallet(state: CharterState, act: Retirement): boolean {
  const next = retired(state, act, '');
  return next.ok && losesQuorum(state, next.value, act);
}

/** Only what is retired can be destroyed: it has been out of use for a while, and nobody has missed it. */
export const destroyKey = (state: CharterState, act: ActOf<'key.destroy'>, at: string): Result<CharterState> =>
  changed(state, act, ['RETIRED'], { state: 'DESTROYED', since: at, reason: '' });

/** Whoever approves the opening of a wallet has looked at its keys, too. */
export function reviewKeys(
  state: CharterState,
  { wallet }: Pick<ActOf<'key.review'>, 'wallet'>,
  at: string,
): Result<CharterState> {
  return state.wallets.has(wallet)
    ? accepted({ ...state, keyReviews: state.keyReviews.set(wallet, at) })
    : refused('charter.unknown-wallet', 'No such wallet in the charter.', { wallet });
}

/** To deal a suspended key's signer a new share would be to activate it, by another quorum. */
export function checkNoneSuspended(state: CharterState, id: string, signers: readonly string[]): Result<true> {
  const wallet = state.wallets.get(id);
  const suspended = wallet?.keys.find((key) => {
    const life = signers.includes(key.signer) ? keyLife(state, { wallet: id, ...key }) : undefined;
    return life?.state === 'SUSPENDED';
  });
  return suspended
    ? refused('charter.key-state', 'A member’s key is suspended: activate it, or leave that member out.', {
        wallet: id,
        ...suspended,
      })
    : accepted(true);
}

const retired = (state: CharterState, act: Retirement, at: string): Result<CharterState> =>
  changed(state, act, ['ACTIVE', 'SUSPENDED'], { state: 'RETIRED', since: at, reason: act.reason });

function losesQuorum(before: CharterState, after: CharterState, { wallet: id }: Retirement): boolean {
  const wallet = before.wallets.get(id);
  return wallet !== undefined && !staysSpendable(before, after, wallet);
}

function changed(
  state: CharterState,
  { wallet, signer, publicKey }: Changing,
  from: readonly KeyLife['state'][],
  to: Pick<KeyLife, 'state' | 'since' | 'reason'>,
): Result<CharterState> {
  const name = { wallet, signer, publicKey };
  const life = keyLife(state, name);
  if (!life) return refused('charter.unknown-key', 'The charter has no such key of this wallet and signer.', name);
  if (!from.includes(life.state)) {
    return refused('charter.key-state', `A key that is ${life.state} cannot become ${to.state}.`, {
      ...name,
      state: life.state,
    });
  }
  return accepted({ ...state, keyLives: state.keyLives.set(publicKey, { ...name, ...to }) });
}
