import { schnorr } from '@noble/curves/secp256k1.js';
import { accepted, digestJson, digestSchema, refused, slugSchema, type Digest, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import { checkHolder } from './holders.js';
import { mpcAddress, type MpcWallet } from './mpc-wallet.js';
import type { CharterState } from './state.js';

/*
 * The shares of an MPC wallet's key go to other members, or to another threshold, by two acts (docs/decisions/0039). The
 * first permits it, before any signer deals anything; the second names what has come of it, and only then is it used.
 */

const membersSchema = z
  .array(slugSchema)
  .min(2)
  .max(9)
  .refine(
    (members) => members.every((member, place) => place === 0 || (members[place - 1] ?? '') < member),
    'ascending',
  );

export const RESHARING_ACTS = [
  /** Permits one resharing, to these members and this threshold; it takes the place of one that was permitted before. */
  z.strictObject({
    kind: z.literal('mpc-wallet.reshare'),
    wallet: slugSchema,
    members: membersSchema,
    threshold: z.int().min(2).max(9),
  }),
  /** Ends a permit: nothing is dealt by it any more, and nothing that was dealt can be switched to. */
  z.strictObject({ kind: z.literal('mpc-wallet.withdraw'), wallet: slugSchema }),
  /** From here on the wallet is signed for by the new shares only. */
  z.strictObject({
    kind: z.literal('mpc-wallet.switch'),
    wallet: slugSchema,
    /** In the order of the permit's members, with each one's proof that it keeps its share. */
    keys: z
      .array(
        z.strictObject({
          signer: slugSchema,
          publicKey: z.string().regex(/^0[23][0-9a-f]{64}$/),
          proof: z.string().regex(/^[0-9a-f]{128}$/),
        }),
      )
      .min(2)
      .max(9),
  }),
] as const;
type ActOf<Place extends 0 | 1 | 2> = z.infer<(typeof RESHARING_ACTS)[Place]>;

/** What an MPC wallet's shares may be dealt to, besides being dealt anew among those who have them. */
export interface Resharing {
  /** The how-manyth permit of the wallet this is, from 1: proofs and sessions of one are worth nothing under another. */
  readonly number: number;
  /** Undefined once it is used or withdrawn. */
  readonly permit: { readonly members: readonly string[]; readonly threshold: number } | undefined;
}

export const shareProofSubjectSchema = z.strictObject({
  firm: digestSchema,
  wallet: slugSchema,
  permit: z.int().min(1),
  threshold: z.int().min(2).max(9),
  keys: z
    .array(z.strictObject({ signer: slugSchema, publicKey: z.string() }))
    .min(2)
    .max(9),
});
export type ShareProofSubject = z.infer<typeof shareProofSubjectSchema>;

/** What each new member signs with its share (BIP-340) once it keeps it: that it is one of exactly these. */
export const shareProofDigest = (subject: ShareProofSubject): Digest => digestJson('bulkhead/share-proof/v1', subject);

export function permitResharing(state: CharterState, act: ActOf<0>): Result<CharterState> {
  const wallet = mpcWallet(state, act.wallet);
  if (!wallet.ok) return wallet;
  const { members, threshold } = act;
  if (threshold > members.length)
    return refused('charter.quorum-unreachable', 'The threshold is above the number of members.', {
      wallet: act.wallet,
    });
  const inService = checkInService(state, members);
  if (!inService.ok) return inService;
  const isSame = threshold === wallet.value.threshold && members.join() === signersOf(wallet.value).join();
  if (isSame)
    return refused('charter.act-not-allowed', 'These members have the shares: refreshing them needs no act.', {
      wallet: act.wallet,
    });
  const number = (state.resharings.get(act.wallet)?.number ?? 0) + 1;
  return accepted(withResharing(state, act.wallet, { number, permit: { members, threshold } }));
}

export function withdrawResharing(state: CharterState, { wallet }: ActOf<1>): Result<CharterState> {
  const resharing = state.resharings.get(wallet);
  return resharing?.permit
    ? accepted(withResharing(state, wallet, { ...resharing, permit: undefined }))
    : nothingPermitted(wallet);
}

/**
 * The new members hold the same key, each has proven its share of it, and none of these shares was ever another one's. That
 * somebody made up points which only look like shares is out of the question: to prove all of them takes the key.
 */
export function switchShares(
  state: CharterState,
  { wallet: id, keys: proven }: ActOf<2>,
  at: string,
): Result<CharterState> {
  const wallet = mpcWallet(state, id);
  if (!wallet.ok) return wallet;
  const resharing = state.resharings.get(id);
  if (!resharing?.permit) return nothingPermitted(id);
  const { members, threshold } = resharing.permit;
  if (proven.map(({ signer }) => signer).join() !== members.join())
    return refused('charter.act-not-allowed', 'The shares are not those of the members that the permit names.', {
      wallet: id,
      permitted: members.join(', '),
    });
  const inService = checkInService(state, members);
  if (!inService.ok) return inService;
  const keys = proven.map(({ signer, publicKey }) => ({ signer, publicKey }));
  const address = mpcAddress({ chain: wallet.value.chain, threshold, keys });
  if (!address.ok) return address;
  if (address.value !== wallet.value.address)
    return refused('charter.address-mismatch', 'The new shares are of another key.', {
      wallet: id,
      computed: address.value,
    });
  const points = keys.map(({ publicKey }) => publicKey);
  const reused = keys.find(
    ({ publicKey }, place) => state.publicKeys.has(publicKey) || points.indexOf(publicKey) !== place,
  );
  if (reused)
    return refused('charter.public-key-reused', 'A share that was one before.', {
      wallet: id,
      publicKey: reused.publicKey,
    });
  const digest = shareProofDigest({ firm: state.firm, wallet: id, permit: resharing.number, threshold, keys });
  const unproven = proven.find((key) => !isProven(key, digest));
  if (unproven)
    return refused('charter.share-unproven', 'A new member has not proven that it keeps its share.', {
      wallet: id,
      signer: unproven.signer,
    });
  const { keys: formerKeys, threshold: formerThreshold } = wallet.value;
  const former = [...(state.formerKeys.get(id) ?? []), { keys: formerKeys, threshold: formerThreshold, until: at }];
  return accepted({
    ...withResharing(state, id, { ...resharing, permit: undefined }),
    formerKeys: state.formerKeys.set(id, former),
    wallets: state.wallets.set(id, { ...wallet.value, threshold, keys }),
    publicKeys: state.publicKeys.concat(keys.map(({ publicKey }) => [publicKey, id])),
  });
}

/** Nobody but who has the share of this point (or its negative, which is as good) can have signed. */
function isProven({ publicKey, proof }: ActOf<2>['keys'][number], digest: Digest): boolean {
  return schnorr.verify(Buffer.from(proof, 'hex'), Buffer.from(digest, 'hex'), Buffer.from(publicKey.slice(2), 'hex'));
}

function mpcWallet(state: CharterState, id: string): Result<MpcWallet> {
  const wallet = state.wallets.get(id);
  return wallet?.kind === 'taproot-mpc'
    ? accepted(wallet)
    : refused('charter.unknown-wallet', 'No such MPC wallet in the charter.', { wallet: id });
}

/** Each is a signer with a token of its own: the charter never gives one token to two. */
function checkInService(state: CharterState, members: readonly string[]): Result<true> {
  for (const member of members) {
    const holder = checkHolder(state, member, {});
    if (!holder.ok) return holder;
  }
  return accepted(true);
}

const signersOf = ({ keys }: MpcWallet): readonly string[] => keys.map(({ signer }) => signer);

const withResharing = (state: CharterState, wallet: string, resharing: Resharing): CharterState => ({
  ...state,
  resharings: state.resharings.set(wallet, resharing),
});

const nothingPermitted = (wallet: string): Result<never> =>
  refused('charter.act-not-allowed', 'No resharing of this wallet is permitted.', { wallet });
