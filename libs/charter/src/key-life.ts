import { accepted, refused, type RefusalCode, type Result } from '@bulkhead/intent';
import type { Wallet } from './acts.js';
import { signingKeys } from './key-replacement.js';
import type { QuorumKey } from './quorum-key.js';
import type { CharterState } from './state.js';

/** As in NIST SP 800-57 part 1, section 7; RETIRED is its "deactivated". */
export const KEY_STATES = ['PRE_ACTIVE', 'ACTIVE', 'SUSPENDED', 'RETIRED', 'DESTROYED'] as const;
export type KeyState = (typeof KEY_STATES)[number];

/** What the charter has said of a key since its wallet was opened. */
export interface KeyLife {
  readonly wallet: string;
  readonly signer: string;
  /** Compressed point, hex. */
  readonly publicKey: string;
  readonly state: Exclude<KeyState, 'PRE_ACTIVE'>;
  /** RFC 3339: when it came into this state; null: as its wallet was opened, or another key took its place. */
  readonly since: string | null;
  readonly reason: string;
}

export type KeyName = Pick<KeyLife, 'wallet' | 'signer' | 'publicKey'>;

/**
 * A key as the charter stands: ACTIVE from its wallet's opening unless something else was said of it, RETIRED once its
 * wallet has another key in its place. Undefined for a key that is in no wallet (yet): it is PRE_ACTIVE, if it is at all.
 */
export function keyLife(state: CharterState, name: KeyName): KeyLife | undefined {
  const { wallet: id, signer, publicKey } = name;
  const said = state.keyLives.get(publicKey);
  if (said && (said.wallet !== id || said.signer !== signer)) return undefined;
  if (said?.state === 'RETIRED' || said?.state === 'DESTROYED') return said;
  const isOf = (key: QuorumKey): boolean => key.signer === signer && key.publicKey === publicKey;
  if (state.wallets.get(id)?.keys.some(isOf)) return said ?? { ...name, state: 'ACTIVE', since: null, reason: '' };
  const former = state.formerKeys.get(id)?.findLast(({ keys }) => keys.some(isOf));
  return former && { ...name, state: 'RETIRED', since: former.until, reason: 'another key took its place' };
}

const NOT_ACTIVE = {
  SUSPENDED: 'key.suspended',
  RETIRED: 'key.retired',
  DESTROYED: 'key.destroyed',
} as const satisfies Record<Exclude<KeyLife['state'], 'ACTIVE'>, RefusalCode>;

/**
 * The wallet's key that a signer may sign with: `signer.wrong-wallet` when it has none or another takes its place,
 * `key.suspended` and the like.
 */
export function activeKey(state: CharterState, wallet: Wallet, signer: string): Result<string> {
  const key = signingKeys(state, wallet).find((candidate) => candidate.signer === signer);
  const life = key && keyLife(state, { wallet: wallet.id, ...key });
  const facts = { wallet: wallet.id, signer };
  if (!life) return refused('signer.wrong-wallet', 'This signer has no key of the wallet.', facts);
  if (life.state === 'ACTIVE') return accepted(life.publicKey);
  return refused(NOT_ACTIVE[life.state], 'The charter lets this key sign nothing.', {
    ...facts,
    publicKey: life.publicKey,
    reason: life.reason,
  });
}

/** Whether the charter lets this signer's key of the wallet sign; not whether the signer is in service. */
export const isKeyActive = (state: CharterState, wallet: Wallet, signer: string): boolean =>
  activeKey(state, wallet, signer).ok;

export const neededKeys = (wallet: Wallet): number => (wallet.kind === 'gas-payer' ? 1 : wallet.threshold);

/**
 * Whether a wallet that could be spent from before still can after: by keys that sign now, and by those together with
 * suspended ones, which may come back. A wallet that was beyond it before is not made worse.
 */
export function staysSpendable(before: CharterState, after: CharterState, wallet: Wallet): boolean {
  return ([['ACTIVE'], ['ACTIVE', 'SUSPENDED']] as const).every((states) => {
    const needed = neededKeys(wallet);
    return keysIn(before, wallet, states) < needed || keysIn(after, wallet, states) >= needed;
  });
}

/** How many keys of signers in service are in one of these states. */
function keysIn(state: CharterState, wallet: Wallet, states: readonly KeyState[]): number {
  return signingKeys(state, wallet).filter((key) => {
    const life = keyLife(state, { wallet: wallet.id, ...key });
    return life && states.includes(life.state) && state.signers.get(key.signer)?.retired === false;
  }).length;
}
