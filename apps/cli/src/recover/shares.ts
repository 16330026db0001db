import { finaliseTaprootPsbt, taprootDigests } from '@bulkhead/bitcoin';
import { isGroupOf, taprootSpec, type MpcWallet } from '@bulkhead/charter';
import { canonicalJson, orThrow, type Digest, type Payload } from '@bulkhead/intent';
import {
  aggregateShares,
  frostBinding,
  makeNonces,
  makeShares,
  outputKey,
  readSealedShare,
  sealKeyOf,
  type FrostGroup,
  type FrostKey,
  type InputDigest,
  type KeyStore,
  type SealedShare,
} from '@bulkhead/keys';
import { Failure } from '../stack/index.js';
import { openPlace, type Say, type TokenPlace } from './tokens.js';

/** A share in the open token that sealed it. */
interface HeldShare {
  readonly signer: string;
  readonly store: KeyStore;
  readonly share: SealedShare;
}

/**
 * Has tokens sign for an MPC wallet: each opens the share that lies beside its key. The shares are in this process's memory
 * meanwhile, as many as it takes to sign; so this is for a wallet that is being emptied, on a machine that is trusted.
 *
 * @throws RefusalError for bytes that are not the wallet's, Failure when too few tokens have shares of one group
 */
export async function signByShares(
  firm: Digest,
  wallet: MpcWallet,
  payload: Payload,
  places: readonly TokenPlace[],
  say: Say,
): Promise<{ readonly kind: 'bitcoin'; readonly rawTransaction: string; readonly txid: string }> {
  if (payload.kind !== 'psbt') throw new Error('decided on as a PSBT');
  const spec = taprootSpec(wallet);
  const digests = orThrow(taprootDigests(payload.psbt, spec));
  const stores: KeyStore[] = [];
  const keys: FrostKey[] = [];
  try {
    const held: HeldShare[] = [];
    for (const { signer } of wallet.keys) {
      const place = places.find((candidate) => candidate.signer === signer);
      if (!place) continue;
      const store = await openPlace(place, say);
      if (!store) continue;
      stores.push(store);
      held.push(...(await sharesIn(store, signer, firm, wallet, say)));
    }
    keys.push(...(await enoughOf(wallet, held, say)));
    say(`signed by ${keys.map(({ member }) => member).join(', ')}`);
    const { rawTransaction, txid } = orThrow(finaliseTaprootPsbt(payload.psbt, spec, signTogether(keys, digests)));
    return { kind: 'bitcoin', rawTransaction, txid };
  } finally {
    for (const { share } of keys) share.fill(0);
    await Promise.all(stores.map((store) => store.close()));
  }
}

/** What a token keeps of this wallet's key, for its own signer and for the members that the charter names. */
async function sharesIn(
  store: KeyStore,
  signer: string,
  firm: Digest,
  wallet: MpcWallet,
  say: Say,
): Promise<HeldShare[]> {
  const kept = await store.listSealed();
  if (!kept.ok) {
    say(`${signer}: ${kept.refusal.detail}`);
    return [];
  }
  const shares = kept.value.flatMap(({ keyId, bytes }) => {
    const read = readSealedShare(bytes);
    return read.ok && keyId === sealKeyOf(read.value.group) ? [read.value] : [];
  });
  const key = taprootSpec(wallet).outputKey;
  const fitting = shares.filter(
    ({ firm: of, member, group }) =>
      of === firm && member === signer && outputKey(group) === key && isGroupOf(group, wallet),
  );
  if (fitting.length === 0) say(`${signer}: its token has no share of ${wallet.id} for the members of this kit`);
  return fitting.map((share) => ({ signer, store, share }));
}

/**
 * Shares of one group, opened, as many as it takes: of the newest group of which so many tokens open theirs. The caller
 * wipes them.
 */
async function enoughOf(wallet: MpcWallet, held: readonly HeldShare[], say: Say): Promise<FrostKey[]> {
  const groups = byGroup(held);
  for (const shares of groups.filter(({ length }) => length >= wallet.threshold)) {
    const keys: FrostKey[] = [];
    for (const each of shares) {
      const key = keys.length < wallet.threshold ? await opened(each, say) : undefined;
      if (key) keys.push(key);
    }
    if (keys.length === wallet.threshold) return keys;
    for (const { share } of keys) share.fill(0);
  }
  const most = Math.max(0, ...groups.map(({ length }) => length));
  if (most >= wallet.threshold)
    throw new Failure(`Fewer than ${wallet.threshold} tokens open their shares of one group of ${wallet.id}.`);
  throw new Failure(
    `${most} tokens have shares of one group of ${wallet.id}, and ${wallet.threshold} are needed.`,
    'Shares of different epochs do not combine; a kit from before a resharing names other members.',
  );
}

/** The newest group first. */
function byGroup(held: readonly HeldShare[]): HeldShare[][] {
  const groups = new Map<string, HeldShare[]>();
  for (const each of held) {
    const name = canonicalJson(each.share.group);
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  return [...groups.values()].sort(([a], [b]) => epochOf(b) - epochOf(a));
}

const epochOf = (held: HeldShare | undefined): number => held?.share.group.epoch ?? 0;

/** The share in clear; undefined, and told to `say`, when its token does not open it. */
async function opened(
  { signer, store, share: { firm, group, sealed } }: HeldShare,
  say: Say,
): Promise<FrostKey | undefined> {
  const binding = frostBinding('share', firm, signer, group);
  const share = await store.unseal(sealKeyOf(group), binding, Buffer.from(sealed, 'base64'));
  if (share.ok) return { group, member: signer, share: share.value };
  say(`${signer}: its token does not open its share: ${share.refusal.detail}`);
  return undefined;
}

/** Both rounds of FROST at once, since all shares are here. */
function signTogether(keys: readonly FrostKey[], digests: readonly InputDigest[]) {
  const [group] = keys.map((key): FrostGroup => key.group);
  if (!group) throw new Error('a group has members');
  const inputs = digests.map(({ inputIndex }) => inputIndex);
  const nonces = keys.map((key) => ({ key, ...makeNonces(key, inputs) }));
  const commitments = new Map(nonces.map(({ key, commitments: own }) => [key.member, own]));
  const shares = new Map(
    nonces.map(({ key, secret }) => [key.member, orThrow(makeShares(key, secret, commitments, digests))]),
  );
  return orThrow(aggregateShares(group, commitments, digests, shares));
}
