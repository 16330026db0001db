import { schnorr_FROST as frost } from '@noble/curves/secp256k1.js';
import { slugSchema } from '@bulkhead/intent';
import { z } from 'zod';

/** A compressed point of secp256k1 (SEC 1 section 2.3.3), hex. */
export const pointSchema = z.string().regex(/^0[23][0-9a-f]{64}$/);
/** A scalar or an x-only key, 32 bytes, hex. */
export const scalarSchema = z.string().regex(/^[0-9a-f]{64}$/);

const MOST_MEMBERS = 9;

/** Members by name, in the one order that gives each its number: ascending, none twice. */
export const membersSchema = z
  .array(slugSchema)
  .min(2)
  .max(MOST_MEMBERS)
  .refine(
    (members) => members.every((member, place) => place === 0 || (members[place - 1] ?? '') < member),
    'ascending',
  );

/** All that is public about a group of signers that hold one Taproot key in shares (FROST, RFC 9591). */
export const frostGroupSchema = z
  .strictObject({
    /** The wallet whose key it is. */
    id: slugSchema,
    /** 0 as generated; one more with each resharing. Shares of different epochs do not combine. */
    epoch: z.int().min(0),
    threshold: z.int().min(2).max(MOST_MEMBERS),
    members: membersSchema,
    /** Feldman's commitments to the polynomial that the shares lie on; the first is the group's key. */
    commitments: z.array(pointSchema).min(2).max(MOST_MEMBERS),
    /** Each member's share times the generator, in the order of `members`. */
    verifyingShares: z.array(pointSchema).min(2).max(MOST_MEMBERS),
  })
  .refine(({ threshold, commitments }) => commitments.length === threshold, 'as many commitments as the threshold')
  .refine(({ threshold, members }) => threshold <= members.length, 'the threshold is at most the number of members')
  .refine(({ members, verifyingShares }) => members.length === verifyingShares.length, 'a verifying share per member');
export type FrostGroup = z.infer<typeof frostGroupSchema>;

/** One member's share, and the group it is of. The share is secret: 32 bytes, big-endian. */
export interface FrostKey {
  readonly group: FrostGroup;
  readonly member: string;
  readonly share: Uint8Array;
}

/** The group's key as it stands on the chain: BIP-341's output key Q, x-only, hex. The address is `rawtr(Q)`. */
export const outputKey = ({ commitments: [key = ''] }: Pick<FrostGroup, 'commitments'>): string => key.slice(2);

/** A member's number in the group, 1 upwards: where on the polynomial its share lies. 0 when it is no member. */
export const memberNumber = (members: readonly string[], member: string): number => members.indexOf(member) + 1;

/** A member's number as @noble/curves writes it. Throws when it is no member. */
export const identifierOf = (members: readonly string[], member: string): string =>
  frost.Identifier.fromNumber(memberNumber(members, member));

export const fromHex = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(hex, 'hex'));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The group as @noble/curves wants it. */
export function publicPackage({ threshold, members, commitments, verifyingShares }: FrostGroup) {
  return {
    signers: { min: threshold, max: members.length },
    commitments: commitments.map(fromHex),
    verifyingShares: Object.fromEntries(
      members.map((member, place) => [identifierOf(members, member), fromHex(verifyingShares[place] ?? '')]),
    ),
  };
}

/** What @noble/curves signs with. */
export const secretPackage = ({ group, member, share }: FrostKey) => ({
  identifier: identifierOf(group.members, member),
  signingShare: share,
});
