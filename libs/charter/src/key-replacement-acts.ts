import { amountSchema, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { quorumKeySchema } from './quorum-key.js';

const hashSchema = z.string().regex(/^0x[0-9a-f]{64}$/);

/** How the key of a lost or suspected token leaves a Safe, which keeps its address: begun by one act, ended by another. */
export const KEY_REPLACEMENT_ACTS = [
  /**
   * From here on the retiring signer signs nothing for the wallet, the remaining ones may sign the one owner swap that
   * follows from this, and the incoming key is taken for ever.
   */
  z.strictObject({
    kind: z.literal('wallet.replace-key'),
    wallet: slugSchema,
    /** Whose key goes. */
    retiring: slugSchema,
    /** What comes in its place. */
    key: quorumKeySchema,
    /**
     * That the incoming key is held: its signature over the statement of control (libs/keys, `controlDigest`) of this
     * nonce, the wallet and the Safe's address. r || s, low-S, 64 bytes in hex.
     */
    proof: z.strictObject({
      nonce: z.string().regex(/^[0-9a-f]{64}$/),
      signature: z.string().regex(/^[0-9a-f]{128}$/),
    }),
  }),
  /** The chain has executed the swap: the incoming key signs. Whoever approves it has looked; no signer has a node. */
  z.strictObject({
    kind: z.literal('wallet.key-replaced'),
    wallet: slugSchema,
    /** The Safe's nonce that the swap used up. */
    nonce: amountSchema,
    /** What the owners signed: it follows from the wallet, the replacement and the nonce, and is compared with that. */
    safeTxHash: hashSchema,
    /** The transaction of the chain that executed it. */
    transaction: hashSchema,
  }),
] as const;
