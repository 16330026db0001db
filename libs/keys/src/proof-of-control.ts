import { createHash } from 'node:crypto';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import { verifyLowS } from './signature.js';

/**
 * What a key says to show that it is held now: asked for with a nonce of whoever is about to issue or fund the address,
 * so that an old answer is of no use.
 */
export const controlStatementSchema = z.strictObject({
  /** 32 random bytes in hex, chosen by who asks. */
  nonce: z.string().regex(/^[0-9a-f]{64}$/),
  wallet: z.string().min(1).max(64),
  /** The address that depends on the key. */
  address: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'an address'),
});
export type ControlStatement = z.infer<typeof controlStatementSchema>;

const DOMAIN = 'bulkhead/proof-of-control/v1\n';

/**
 * SHA-256 of the domain tag and the statement's RFC 8785 JSON. The tag keeps it from ever being the digest of a
 * transaction: both Bitcoin's and Ethereum's are hashes of bytes that begin otherwise, and hashed twice or by Keccak.
 */
export function controlDigest(statement: ControlStatement): Uint8Array {
  return createHash('sha256')
    .update(DOMAIN)
    .update(canonicalJson(controlStatementSchema.parse(statement)))
    .digest();
}

/** `keys.signature-invalid` unless the key (33 bytes, hex) has signed exactly this statement (64 bytes, low-S). */
export function verifyControl(publicKey: string, statement: ControlStatement, signature: Uint8Array): Result<true> {
  const key = Buffer.from(publicKey, 'hex');
  if (verifyLowS(controlDigest(statement), key, signature)) return accepted(true);
  return refused('keys.signature-invalid', `The key does not show that it is held for ${statement.address}.`, {
    publicKey,
    wallet: statement.wallet,
    address: statement.address,
  });
}
