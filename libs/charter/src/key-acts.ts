import { slugSchema, textSchema } from '@bulkhead/intent';
import { z } from 'zod';

/** Names a key so that it can be no other: whoever approves an act on it sees the public key. */
const ofKey = {
  wallet: slugSchema,
  signer: slugSchema,
  publicKey: z.string().regex(/^0[23][0-9a-f]{64}$/),
};
const reason = textSchema.min(1).max(200);

/** The life of a quorum key after its wallet was opened; for an MPC wallet, of a member's share. */
export const KEY_ACTS = [
  /** It signs nothing until it is activated again. */
  z.strictObject({ kind: z.literal('key.suspend'), ...ofKey, reason }),
  z.strictObject({ kind: z.literal('key.activate'), ...ofKey }),
  /** It never signs again. */
  z.strictObject({ kind: z.literal('key.retire'), ...ofKey, reason }),
  /** Its signer destroys it in its token. */
  z.strictObject({ kind: z.literal('key.destroy'), ...ofKey }),
  /** Somebody has looked at all keys of a wallet: where they are, who holds them, and that each is still wanted. */
  z.strictObject({ kind: z.literal('key.review'), wallet: slugSchema, note: textSchema.min(1).max(500) }),
] as const;
