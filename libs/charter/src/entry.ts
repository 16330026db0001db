import { approvalSchema } from '@bulkhead/approval';
import {
  digestJson,
  digestSchema,
  instantSchema,
  slugSchema,
  uuidSchema,
  ZERO_DIGEST,
  type Digest,
} from '@bulkhead/intent';
import { z } from 'zod';
import { actSchema } from './acts.js';

/** `firm`, or `client:<owner id>`: one chain for the firm and one for each client. */
export const chainNameSchema = z.string().regex(/^(firm|client:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/);
export type ChainName = string;
export const FIRM_CHAIN: ChainName = 'firm';
export const clientChain = (owner: string): ChainName => `client:${owner}`;

export const headSchema = z.strictObject({ sequence: z.int().min(0), hash: digestSchema });
export type Head = z.infer<typeof headSchema>;

/** The wish to add one act at one place of one chain: what its initiator and approvers sign. */
export const charterIntentSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('charter'),
  /** Hash of the genesis entry; zeros in the genesis itself. */
  firm: digestSchema,
  id: uuidSchema,
  chain: chainNameSchema,
  sequence: z.int().min(0),
  /** Hash of the entry before it on its chain; zeros at sequence 0. */
  previous: digestSchema,
  /** The firm head that it builds on; for an entry of the firm chain, the same as the entry before it. */
  firmHead: headSchema.nullable(),
  act: actSchema,
  initiator: slugSchema,
  createdAt: instantSchema,
  expiresAt: instantSchema,
});
export type CharterIntent = z.infer<typeof charterIntentSchema>;

/**
 * The intent to put an act at the end of its chain, on the firm head that stands.
 *
 * @param headOf the newest place of a chain; of none at all for a genesis, whose `firm` is zeros
 */
export function intentAtEnd(
  firm: Digest,
  headOf: (chain: ChainName) => Head | undefined,
  terms: Pick<CharterIntent, 'id' | 'chain' | 'act' | 'initiator' | 'createdAt' | 'expiresAt'>,
): CharterIntent {
  const head = headOf(terms.chain);
  return {
    v: 1,
    kind: 'charter',
    firm,
    sequence: head ? head.sequence + 1 : 0,
    previous: head?.hash ?? ZERO_DIGEST,
    firmHead: headOf(FIRM_CHAIN) ?? null,
    ...terms,
  };
}

export const charterEntrySchema = z.strictObject({
  v: z.literal(1),
  intent: charterIntentSchema,
  proposal: approvalSchema,
  approvals: z.array(approvalSchema).max(200),
  /** When the quorum was complete; approvals must not have expired at this instant. */
  enactedAt: instantSchema,
});
export type CharterEntry = z.infer<typeof charterEntrySchema>;

/** The hash that the next entry of the chain names as `previous`: it covers the approvals too. */
export const entryHash = (entry: CharterEntry): Digest => digestJson('bulkhead/charter-entry/v1', entry);
