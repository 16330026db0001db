import { z } from 'zod';
import { parseEthereumAddress } from './addresses.js';

/** An address in its EIP-55 form, so that governed state has one spelling of it. */
export const checksummedAddressSchema = z
  .string()
  .refine((text) => {
    const parsed = parseEthereumAddress(text);
    return parsed.ok && parsed.value === text;
  }, 'not an EIP-55 address')
  .meta({ type: 'string', pattern: '^0x[0-9a-fA-F]{40}$' });

/** A contract that the firm relies on: where it is, and keccak-256 of its runtime code (EXTCODEHASH, EIP-1052). */
export const pinnedContractSchema = z.strictObject({
  address: checksummedAddressSchema,
  codeHash: z.string().regex(/^0x[0-9a-f]{64}$/),
});
export type PinnedContract = z.infer<typeof pinnedContractSchema>;

/**
 * The Safe 1.4.1 contracts of one chain, pinned in the firm's charter. This is all that is needed to compute a Safe's
 * address offline: the code hashes are for those who can ask a node whether these are still the contracts they were.
 */
export const safeContractsSchema = z.strictObject({
  /** SafeL2: the implementation behind every Safe's proxy. */
  singleton: pinnedContractSchema,
  proxyFactory: pinnedContractSchema,
  /** CompatibilityFallbackHandler. */
  fallbackHandler: pinnedContractSchema,
  /** The only contract that a Safe may delegatecall. */
  multiSendCallOnly: pinnedContractSchema,
  /** `SafeProxyFactory.proxyCreationCode()`: the SafeProxy's creation code, lower-case hex. */
  proxyCreationCode: z
    .string()
    .regex(/^0x([0-9a-f]{2})+$/)
    .max(20_000),
});
export type SafeContracts = z.infer<typeof safeContractsSchema>;
