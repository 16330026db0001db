import { CATEGORIES, OWNERSHIPS, type Destination, type RevokedDestination } from '@bulkhead/charter';
import { chainIdSchema, instantSchema, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';

export const destinationViewSchema = z.strictObject({
  id: z.uuid(),
  owner: slugSchema,
  chain: chainIdSchema,
  address: z.string(),
  label: z.string(),
  /** COOLING: only test payments go there until `usableFrom`. */
  state: z.enum(['COOLING', 'USABLE', 'REVOKED']),
  category: z.enum(CATEGORIES),
  /** What the proof is worth that came with it: PROVEN by a signature that signers verify, CLAIMED as a node said. */
  ownership: z.enum(OWNERSHIPS),
  /** A known address that it could be mistaken for. */
  looksLike: z.string().nullable(),
  /** What was proposed before it does not pay it. */
  enactedAt: instantSchema,
  approvedAt: instantSchema,
  usableFrom: instantSchema,
  revokedAt: instantSchema.nullable(),
  /** When the last test payment to it settled. */
  testPaidAt: instantSchema.nullable(),
});
export type DestinationView = z.infer<typeof destinationViewSchema>;

export const ownershipMessageSchema = z.strictObject({
  address: z.string(),
  /** What the holder of the address signs: as BIP-322 on Bitcoin, as EIP-191 or EIP-1271 on Ethereum. */
  message: z.string(),
});

/** @param at RFC 3339 instant by our clock. */
export function destinationView(
  destination: Destination | RevokedDestination,
  testPaidAt: string | null,
  at: string,
): DestinationView {
  const revokedAt = 'revokedAt' in destination ? destination.revokedAt : null;
  const live = at < destination.usableFrom ? 'COOLING' : 'USABLE';
  return { ...destination, state: revokedAt === null ? live : 'REVOKED', revokedAt, testPaidAt };
}
