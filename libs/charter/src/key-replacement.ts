import { buildOwnerSwap, ownerAddress, safeTxHash, swapInList, type OwnerSwap } from '@bulkhead/ethereum';
import { accepted, isDecimalAmount, isEthereumChain, refused, type Result } from '@bulkhead/intent';
import { verifyControl } from '@bulkhead/keys';
import type { Act, SafeWallet, Wallet } from './acts.js';
import { checkHolder } from './holders.js';
import type { QuorumKey } from './quorum-key.js';
import type { CharterState } from './state.js';

type ActOf<K extends Act['kind']> = Extract<Act, { kind: K }>;

/** A key of a Safe that is on its way out, and the one that takes its place among the owners. */
export interface KeyReplacement {
  /** The signer whose key goes. It signs nothing for this wallet any more. */
  readonly retiring: string;
  readonly key: QuorumKey;
  /** RFC 3339. */
  readonly since: string;
}

/** The keys that a wallet had before one was replaced, or its shares went to other members. */
export interface FormerKeys {
  readonly keys: readonly QuorumKey[];
  readonly threshold: number;
  /** RFC 3339: when they ceased to be the wallet's. */
  readonly until: string;
}

/**
 * The keys that may sign for a wallet now. While one is being replaced these are the ones that stay: they are owners of the
 * Safe before the swap and after it, so that nobody needs to know which of the two the chain is at.
 */
export function signingKeys({ replacements }: CharterState, { id, keys }: Wallet): readonly QuorumKey[] {
  const replacement = replacements.get(id);
  return replacement ? keys.filter(({ signer }) => signer !== replacement.retiring) : keys;
}

/** The keys as they are once the replacement is done: the incoming one in the place of the retiring one. */
export const keysAfter = ({ keys }: SafeWallet, { retiring, key }: Omit<KeyReplacement, 'since'>): QuorumKey[] =>
  keys.map((one) => (one.signer === retiring ? key : one));

/** The sets of owners that the chain may show: the wallet's, and, while one is being replaced, those after the swap. */
export function ownerSets({ replacements }: CharterState, wallet: SafeWallet): readonly (readonly string[])[] {
  const replacement = replacements.get(wallet.id);
  const sets = replacement ? [wallet.keys, keysAfter(wallet, replacement)] : [wallet.keys];
  return sets.map((keys) => keys.map(({ publicKey }) => ownerAddress(publicKey)));
}

/**
 * The one swap that the charter permits this wallet now, to the last argument: a Safe keeps its owners in the order in
 * which it was set up, and a new one takes the place of the old (Safe 1.4.1, OwnerManager).
 */
export function permittedSwap({ replacements }: CharterState, wallet: SafeWallet): Result<OwnerSwap> {
  const replacement = replacements.get(wallet.id);
  const retiring = replacement && wallet.keys.find(({ signer }) => signer === replacement.retiring);
  if (!replacement || !retiring) {
    return refused('charter.no-replacement', 'The charter names no key of this wallet to be replaced.', {
      wallet: wallet.id,
    });
  }
  const owners = wallet.keys.map(({ publicKey }) => ownerAddress(publicKey));
  return accepted(swapInList(owners, ownerAddress(retiring.publicKey), ownerAddress(replacement.key.publicKey)));
}

/** Begins it. Refused unless what remains can sign the swap, and everything else, without the key that goes. */
export function replaceKey(state: CharterState, act: ActOf<'wallet.replace-key'>, at: string): Result<CharterState> {
  const found = safeOf(state, act.wallet);
  if (!found.ok) return found;
  const wallet = found.value;
  const facts = { wallet: wallet.id, retiring: act.retiring, incoming: act.key.signer };
  if (state.replacements.has(wallet.id)) {
    return refused(
      'charter.replacement-under-way',
      'A key of this wallet is being replaced: finish that first.',
      facts,
    );
  }
  if (!wallet.keys.some(({ signer }) => signer === act.retiring)) {
    return refused('charter.unknown-signer', 'The signer has no key of this wallet.', facts);
  }
  const remaining = wallet.keys.filter(
    ({ signer }) => signer !== act.retiring && state.signers.get(signer)?.retired === false,
  );
  if (remaining.length < wallet.threshold) {
    return refused('charter.quorum-unreachable', 'Those that remain are fewer than the threshold.', facts);
  }
  const sound = checkIncoming(state, wallet, act);
  if (!sound.ok) return sound;
  const { retiring, key } = act;
  return accepted({
    ...state,
    replacements: state.replacements.set(wallet.id, { retiring, key, since: at }),
    publicKeys: state.publicKeys.set(key.publicKey, wallet.id),
  });
}

/** Invariant 4 of the key that comes: held by a signer in service that has none of this wallet, and never used before. */
function checkIncoming(state: CharterState, wallet: SafeWallet, act: ActOf<'wallet.replace-key'>): Result<true> {
  const { key, proof } = act;
  const facts = { wallet: wallet.id, signer: key.signer, publicKey: key.publicKey };
  const holder = checkHolder(state, key.signer, facts);
  if (!holder.ok) return holder;
  if (wallet.keys.some((one) => one.signer === key.signer)) {
    return refused('charter.keys-share-signer', 'The signer has a key of this wallet already.', facts);
  }
  if (state.publicKeys.has(key.publicKey)) {
    return refused('charter.public-key-reused', 'A public key belongs to one wallet, and comes into it once.', facts);
  }
  const statement = { nonce: proof.nonce, wallet: wallet.id, address: wallet.address };
  return verifyControl(key.publicKey, statement, Buffer.from(proof.signature, 'hex'));
}

/** Ends it: the incoming key is the wallet's. The evidence must be of the very swap that was permitted. */
export function keyReplaced(state: CharterState, act: ActOf<'wallet.key-replaced'>, at: string): Result<CharterState> {
  const found = safeOf(state, act.wallet);
  if (!found.ok) return found;
  const wallet = found.value;
  const swap = permittedSwap(state, wallet);
  if (!swap.ok) return swap;
  const { chain } = wallet;
  const computed =
    isDecimalAmount(act.nonce) && isEthereumChain(chain)
      ? safeTxHash(chain, wallet.address, buildOwnerSwap(wallet.address, swap.value, BigInt(act.nonce)))
      : 'none';
  if (computed !== act.safeTxHash) {
    return refused('charter.no-replacement', 'The evidence is not of the swap that the charter permits.', {
      wallet: wallet.id,
      claimed: act.safeTxHash,
      computed,
    });
  }
  const replacement = state.replacements.get(wallet.id);
  if (!replacement) throw new Error('a permitted swap is of a replacement under way');
  const former = [
    ...(state.formerKeys.get(wallet.id) ?? []),
    { keys: wallet.keys, threshold: wallet.threshold, until: at },
  ];
  return accepted({
    ...state,
    replacements: state.replacements.delete(wallet.id),
    formerKeys: state.formerKeys.set(wallet.id, former),
    wallets: state.wallets.set(wallet.id, { ...wallet, keys: keysAfter(wallet, replacement) }),
  });
}

/** Refused for any other kind: its address follows from its keys, so that new keys are a new wallet. */
function safeOf({ wallets }: CharterState, id: string): Result<SafeWallet> {
  const wallet = wallets.get(id);
  if (!wallet) return refused('charter.unknown-wallet', 'No such wallet in the charter.', { wallet: id });
  return wallet.kind === 'safe'
    ? accepted(wallet)
    : refused('charter.act-not-allowed', 'Only a Safe exchanges a key and stays: open another wallet, and move.', {
        wallet: id,
        kind: wallet.kind,
      });
}
