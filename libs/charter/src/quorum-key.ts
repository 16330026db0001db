import { isOwnerKey } from '@bulkhead/ethereum';
import { slugSchema } from '@bulkhead/intent';
import { z } from 'zod';

/** A quorum key: a compressed secp256k1 point and the signer whose token generated it. */
export const quorumKeySchema = z.strictObject({
  signer: slugSchema,
  publicKey: z
    .string()
    .regex(/^0[23][0-9a-f]{64}$/)
    .refine(isOwnerKey, 'not a point of secp256k1'),
});
export type QuorumKey = z.infer<typeof quorumKeySchema>;
