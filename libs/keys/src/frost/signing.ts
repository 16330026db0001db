import { schnorr_FROST as frost } from '@noble/curves/secp256k1.js';
import { accepted, digestJson, refused, ZERO_DIGEST, type Digest, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import { blamed, failed } from './dealing.js';
import {
  type FrostGroup,
  type FrostKey,
  fromHex,
  identifierOf,
  outputKey,
  publicPackage,
  scalarSchema,
  secretPackage,
  toHex,
} from './group.js';
import {
  openMessage,
  type BodyOf,
  type Fingerprints,
  type InputShare,
  type NonceCommitment,
  type SignedMessage,
} from './message.js';
import { isPoint } from './sharing.js';

/** 32 bytes to be signed, and which input of the transaction they are of. */
export interface InputDigest {
  readonly inputIndex: number;
  readonly digest: Uint8Array;
}

export interface InputSchnorrSignature {
  readonly inputIndex: number;
  /** BIP-340, 64 bytes. */
  readonly signature: Uint8Array;
}

/** Round 1 by member: what each promised, in one order of inputs. */
export type Commitments = ReadonlyMap<string, readonly NonceCommitment[]>;

const secretNoncesSchema = z.array(
  z.strictObject({ inputIndex: z.int().min(0), hiding: scalarSchema, binding: scalarSchema }),
);

export interface Nonces {
  /** To be kept sealed, used for one signing, and destroyed before its shares leave. */
  readonly secret: Uint8Array;
  readonly commitments: readonly NonceCommitment[];
}

/** What the messages of one signing are bound to: this group, this epoch, this payload. */
export const signingTerms = ({ id, epoch, commitments }: FrostGroup, payload: Digest): Digest =>
  digestJson('bulkhead/frost-terms/v1', {
    purpose: 'sign',
    group: id,
    epoch,
    key: outputKey({ commitments }),
    payload,
  });

/**
 * A member's promises, when it has signed them for this signing, one for each input, and they are points. To be asked before
 * any nonces are used up for them. `mpc.message-invalid` when they are not its own, or for another group, epoch or payload;
 * `mpc.member-blamed` when it has signed what is no promise.
 */
export function openPromise(
  promise: SignedMessage,
  {
    group,
    payload,
    inputs,
  }: { readonly group: FrostGroup; readonly payload: Digest; readonly inputs: readonly number[] },
  fingerprints: Fingerprints,
): Result<BodyOf<'nonces'>> {
  const { from } = promise.message;
  const place = { terms: signingTerms(group, payload), transcript: ZERO_DIGEST, to: null };
  const body = openMessage(promise, { kind: 'nonces', ...place }, fingerprints);
  if (!body.ok) return body;
  const { nonces } = body.value;
  if (!group.members.includes(from)) return blamed(from, 'it is no member of the group');
  if (nonces.map(({ inputIndex }) => inputIndex).join() !== inputs.join())
    return blamed(from, 'not one promise for each input');
  const arePoints = nonces.every(({ hiding, binding }) => isPoint(hiding) && isPoint(binding));
  return arePoints ? body : blamed(from, 'what it promises is no point');
}

/** RFC 9591 section 5.1 for each input: a pair of fresh nonces, hedged with the share. */
export function makeNonces(key: FrostKey, inputs: readonly number[]): Nonces {
  const pairs = inputs.map((inputIndex) => ({ inputIndex, ...frost.commit(secretPackage(key)) }));
  const secret = pairs.map(({ inputIndex, nonces }) => ({
    inputIndex,
    hiding: toHex(nonces.hiding),
    binding: toHex(nonces.binding),
  }));
  return {
    secret: Buffer.from(JSON.stringify(secret), 'utf8'),
    commitments: pairs.map(({ inputIndex, commitments }) => ({
      inputIndex,
      hiding: toHex(commitments.hiding),
      binding: toHex(commitments.binding),
    })),
  };
}

/**
 * RFC 9591 section 5.2 for each input. The caller sees to it that these nonces are never used again, before this is
 * called. Whoever puts shares together verifies each signature, and each share when one does not hold.
 */
export function makeShares(
  key: FrostKey,
  secretNonces: Uint8Array,
  commitments: Commitments,
  digests: readonly InputDigest[],
): Result<readonly InputShare[]> {
  const fit = checkCommitments(key.group, commitments, digests);
  if (!fit.ok) return fit;
  const nonces = secretNoncesSchema.parse(JSON.parse(Buffer.from(secretNonces).toString('utf8')));
  const group = publicPackage(key.group);
  try {
    const shares = digests.map(({ inputIndex, digest }): InputShare => {
      const own = nonces.find((each) => each.inputIndex === inputIndex);
      if (own === undefined) throw new Error('no nonces for this input');
      const pair = { hiding: fromHex(own.hiding), binding: fromHex(own.binding) };
      const share = frost.signShare(
        secretPackage(key),
        group,
        pair,
        listOf(key.group, commitments, inputIndex),
        digest,
      );
      return { inputIndex, share: toHex(share) };
    });
    return accepted(shares);
  } catch (error) {
    return refused('mpc.message-invalid', 'No share can be made of these commitments.', {
      problem: error instanceof Error ? error.message : 'unknown',
    });
  }
}

/** Whether a member's shares are what its promises and its verifying share ask for; else it is blamed. */
export function checkShares(
  group: FrostGroup,
  commitments: Commitments,
  digests: readonly InputDigest[],
  member: string,
  shares: readonly InputShare[],
): Result<true> {
  if (!commitments.has(member) || shares.length !== digests.length)
    return blamed(member, 'not one share for each input');
  const pub = publicPackage(group);
  for (const { inputIndex, digest } of digests) {
    const share = shares.find((each) => each.inputIndex === inputIndex)?.share;
    if (share === undefined) return blamed(member, `no share for input ${inputIndex}`);
    const list = listOf(group, commitments, inputIndex);
    if (!isShare(pub, list, digest, identifierOf(group.members, member), share))
      return blamed(member, `its share for input ${inputIndex} is wrong`);
  }
  return accepted(true);
}

/** RFC 9591 section 5.3: one BIP-340 signature for each input, each verified. A wrong share is refused by its member's name. */
export function aggregateShares(
  group: FrostGroup,
  commitments: Commitments,
  digests: readonly InputDigest[],
  shares: ReadonlyMap<string, readonly InputShare[]>,
): Result<readonly InputSchnorrSignature[]> {
  const fit = checkCommitments(group, commitments, digests);
  if (!fit.ok) return fit;
  const pub = publicPackage(group);
  try {
    return accepted(
      digests.map(({ inputIndex, digest }) => {
        const list = listOf(group, commitments, inputIndex);
        return { inputIndex, signature: frost.aggregate(pub, list, digest, sharesOf(group, shares, inputIndex)) };
      }),
    );
  } catch (error) {
    for (const member of commitments.keys()) {
      const sound = checkShares(group, commitments, digests, member, shares.get(member) ?? []);
      if (!sound.ok) return sound;
    }
    return failed(error);
  }
}

const sharesOf = (group: FrostGroup, shares: ReadonlyMap<string, readonly InputShare[]>, inputIndex: number) =>
  Object.fromEntries(
    [...shares].map(([member, list]) => [
      identifierOf(group.members, member),
      fromHex(list.find((each) => each.inputIndex === inputIndex)?.share ?? ''),
    ]),
  );

/** As many members as sign together, all of the group, and one promise of each for each input. */
function checkCommitments(group: FrostGroup, commitments: Commitments, digests: readonly InputDigest[]): Result<true> {
  if (commitments.size < group.threshold)
    return refused('signer.quorum-unavailable', 'Fewer members than the threshold of the group.', {
      members: String(commitments.size),
      threshold: String(group.threshold),
    });
  for (const [member, promises] of commitments) {
    if (!group.members.includes(member)) return blamed(member, 'it is no member of the group');
    const indexes = promises.map(({ inputIndex }) => inputIndex);
    if (indexes.join() !== digests.map(({ inputIndex }) => inputIndex).join())
      return blamed(member, 'not one promise for each input');
  }
  return accepted(true);
}

function listOf(group: FrostGroup, commitments: Commitments, inputIndex: number) {
  return [...commitments].map(([member, promises]) => {
    const promise = promises.find((each) => each.inputIndex === inputIndex);
    return {
      identifier: identifierOf(group.members, member),
      hiding: fromHex(promise?.hiding ?? ''),
      binding: fromHex(promise?.binding ?? ''),
    };
  });
}

function isShare(
  pub: ReturnType<typeof publicPackage>,
  list: ReturnType<typeof listOf>,
  digest: Uint8Array,
  identifier: string,
  share: string,
): boolean {
  try {
    return frost.verifyShare(pub, list, digest, identifier, fromHex(share));
  } catch {
    return false; // a promise that is no point, or a share out of range
  }
}
