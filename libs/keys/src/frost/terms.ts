import { digestJson, slugSchema, type Digest } from '@bulkhead/intent';
import { z } from 'zod';
import { frostGroupSchema, membersSchema, scalarSchema } from './group.js';

const common = {
  /** Random, chosen by whoever starts the session. That a session is a new one follows from the members' fresh keys. */
  session: scalarSchema,
  /** The wallet. */
  group: slugSchema,
  threshold: z.int().min(2).max(9),
  members: membersSchema,
};

/** What a session is to bring about. Every message of it is bound to all of this. */
export const sessionTermsSchema = z
  .discriminatedUnion('purpose', [
    z.strictObject({ purpose: z.literal('generate'), ...common }),
    z.strictObject({
      purpose: z.literal('reshare'),
      ...common,
      /** Those of the group as it is who deal new shares: as many as its threshold at least. */
      dealers: membersSchema,
      previous: frostGroupSchema,
      /**
       * To other members or another threshold: the number of the charter's permit for it. Absent: dealt anew among those who
       * have the shares.
       */
      permit: z.int().min(1).optional(),
    }),
  ])
  .refine(({ threshold, members }) => threshold <= members.length, 'the threshold is at most the number of members');
export type SessionTerms = z.infer<typeof sessionTermsSchema>;

export const termsDigest = (terms: SessionTerms): Digest => digestJson('bulkhead/frost-terms/v1', terms);

/** Everybody that has a part in a session, ascending. */
export const participantsOf = (terms: SessionTerms): readonly string[] =>
  terms.purpose === 'generate' ? terms.members : [...new Set([...terms.dealers, ...terms.members])].sort();
