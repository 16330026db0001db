import { verifyMessage } from '@bulkhead/bitcoin';
import { verifyPersonalMessage } from '@bulkhead/ethereum';
import {
  accepted,
  isBitcoinChain,
  isEthereumChain,
  refused,
  textSchema,
  type ChainId,
  type Digest,
  type Result,
} from '@bulkhead/intent';
import { z } from 'zod';

/**
 * What whoever holds a destination signs to show it: BIP-322 (for P2PKH, the signed message of old), EIP-191
 * `personal_sign`, or EIP-1271 by a contract.
 */
export const ownershipProofSchema = z.strictObject({
  kind: z.enum(['bip322', 'eip191', 'eip1271']),
  signature: textSchema.min(1).max(8_000),
});
export type OwnershipProof = z.infer<typeof ownershipProofSchema>;

/** PROVEN: by a signature that everybody can verify. CLAIMED: by a contract, as a node said. NONE: by nothing. */
export const OWNERSHIPS = ['PROVEN', 'CLAIMED', 'NONE'] as const;
export type Ownership = (typeof OWNERSHIPS)[number];

/**
 * The one text that proves whose a destination is. It names the firm, the owner and the address, so that a signature
 * given to one firm or for one client is worth nothing to another.
 *
 * @param address in its canonical spelling.
 */
export const ownershipMessage = (firm: Digest, owner: string, chain: ChainId, address: string): string =>
  [
    'I hold the keys of this address and ask for it to be registered as a destination.',
    '',
    `Firm: ${firm}`,
    `Client: ${owner}`,
    `Chain: ${chain}`,
    `Address: ${address}`,
  ].join('\n');

/**
 * What a proof is worth; `address.ownership-unproven` when it proves nothing. EIP-1271 needs a node, which signers do
 * not have: the orchestrator has asked its own when this was proposed, so that it is a claim and never more.
 */
export function checkOwnership(
  proof: OwnershipProof | undefined,
  message: string,
  chain: ChainId,
  address: string,
): Result<Ownership> {
  if (!proof) return accepted('NONE');
  const { kind, signature } = proof;
  if (kind === 'bip322' && isBitcoinChain(chain)) {
    const signed = verifyMessage(message, address, chain, signature);
    return signed.ok ? accepted('PROVEN') : signed;
  }
  if (kind === 'eip191' && isEthereumChain(chain)) {
    const signed = verifyPersonalMessage(message, address, signature);
    return signed.ok ? accepted('PROVEN') : signed;
  }
  if (kind === 'eip1271' && isEthereumChain(chain) && /^0x([0-9a-f]{2})*$/.test(signature)) return accepted('CLAIMED');
  return refused('address.ownership-unproven', 'This kind of proof is not for such an address.', { kind, chain });
}
