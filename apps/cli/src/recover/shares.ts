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
import { openPlace, type TokenPlace } from './tokens.js';

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
  say: (line: string) => void,
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
      const store = await openPlace(place);
      stores.push(store);
      held.push(...(await sharesIn(store, signer, firm, wallet, say)));
    }
    for (const each of enoughOf(wallet, held)) keys.push(await opened(each));
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
  say: (line: string) => void,
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

/** Shares of one group, as many as it takes: of the newest that so many tokens have. */
function enoughOf(wallet: MpcWallet, held: readonly HeldShare[]): readonly HeldShare[] {
  const byGroup = new Map<string, HeldShare[]>();
  for (const each of held) {
    const name = canonicalJson(each.share.group);
    byGroup.set(name, [...(byGroup.get(name) ?? []), each]);
  }
  const [newest] = [...byGroup.values()]
    .filter((shares) => shares.length >= wallet.threshold)
    .sort(([a], [b]) => epochOf(b) - epochOf(a));
  if (newest) return newest.slice(0, wallet.threshold);
  const most = Math.max(0, ...[...byGroup.values()].map((shares) => shares.length));
  throw new Failure(
    `${most} tokens have shares of one group of ${wallet.id}, and ${wallet.threshold} are needed.`,
    'Shares of different epochs do not combine; a kit from before a resharing names other members.',
  );
}

const epochOf = (held: HeldShare | undefined): number => held?.share.group.epoch ?? 0;

async function opened({ signer, store, share: { firm, group, sealed } }: HeldShare): Promise<FrostKey> {
  const binding = frostBinding('share', firm, signer, group);
  const share = await store.unseal(sealKeyOf(group), binding, Buffer.from(sealed, 'base64'));
  if (!share.ok) throw new Failure(`The token of ${signer} does not open its share: ${share.refusal.detail}`);
  return { group, member: signer, share: share.value };
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
