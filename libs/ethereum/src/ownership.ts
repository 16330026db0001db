import { accepted, refused, type Result } from '@bulkhead/intent';
import { hashMessage } from 'ethers/hash';
import { isSameAddress } from './addresses.js';
import { recoverSigner } from './signatures.js';

/**
 * Whether the key of an account has signed a text as EIP-191 version 0x45 (`personal_sign`); else
 * `address.ownership-unproven`. A contract has no key: for EIP-1271 somebody asks a node.
 *
 * @param signature r || s || v in lower-case hex with v 27 or 28 and a low s (EIP-2): one form only.
 */
export function verifyPersonalMessage(message: string, address: string, signature: string): Result<true> {
  const signer = recoverSigner(hashMessage(message), signature);
  if (signer !== undefined && isSameAddress(signer, address)) return accepted(true);
  return refused('address.ownership-unproven', 'This is no signature of the message by the key of the address.', {
    address,
    signedBy: signer ?? 'nobody: 65 bytes of lower-case hex with v 27 or 28 and a low s are asked for',
  });
}
