import { groupOutputKey, parseBitcoinAddress, taprootAddress, type TaprootWalletSpec } from '@bulkhead/bitcoin';
import {
  accepted,
  chainIdSchema,
  isBitcoinChain,
  refused,
  slugSchema,
  textSchema,
  type Result,
} from '@bulkhead/intent';
import { z } from 'zod';

/**
 * A Taproot wallet whose key a group of signers holds in shares (FROST, RFC 9591). Its keys are the members' verifying
 * shares as they were generated, or as the last switch to other members named them; the address follows from them. Refreshes
 * in between change shares, never members, threshold or address.
 */
export const mpcWalletSchema = z.strictObject({
  kind: z.literal('taproot-mpc'),
  id: slugSchema,
  owner: slugSchema,
  chain: chainIdSchema,
  threshold: z.int().min(2).max(9),
  /** In ascending order of signers: a member's place is the number its share lies at. */
  keys: z
    .array(z.strictObject({ signer: slugSchema, publicKey: z.string().regex(/^0[23][0-9a-f]{64}$/) }))
    .min(2)
    .max(9)
    .refine(
      (keys) => keys.every(({ signer }, place) => place === 0 || (keys[place - 1]?.signer ?? '') < signer),
      'ascending',
    ),
  /** Must equal what the shares give. */
  address: textSchema.max(120),
});
export type MpcWallet = z.infer<typeof mpcWalletSchema>;

/** The address that follows from a group's shares. */
export function mpcAddress({
  chain,
  threshold,
  keys,
}: Pick<MpcWallet, 'chain' | 'threshold' | 'keys'>): Result<string> {
  if (!isBitcoinChain(chain))
    return refused('charter.malformed', 'A Taproot wallet lives on a Bitcoin chain.', { chain });
  const shares = keys.map((key) => key.publicKey);
  const outputKey = groupOutputKey(threshold, shares);
  return outputKey.ok ? accepted(taprootAddress({ chain, outputKey: outputKey.value })) : outputKey;
}

/** Whether a group has the members and threshold that the charter names: as it names the shares, or refreshed since. */
export const isGroupOf = (
  { members, threshold }: { readonly members: readonly string[]; readonly threshold: number },
  wallet: MpcWallet,
): boolean => threshold === wallet.threshold && members.join() === wallet.keys.map(({ signer }) => signer).join();

/** Throws when the wallet's address is no Taproot one: the reducer has checked it before. */
export function taprootSpec({ chain, address }: MpcWallet): TaprootWalletSpec {
  const parsed = isBitcoinChain(chain) ? parseBitcoinAddress(address, chain) : undefined;
  if (!isBitcoinChain(chain) || !parsed?.ok) throw new Error('a Taproot wallet without a Taproot address');
  return { chain, outputKey: Buffer.from(parsed.value.scriptPubKey.subarray(2)).toString('hex') };
}
