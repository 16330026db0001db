import { schnorr } from '@noble/curves/secp256k1.js';
import { accepted, canonicalJson, refused, slugSchema, type Result } from '@bulkhead/intent';
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { controlStatementSchema } from '../proof-of-control.js';
import { outputKey, type FrostGroup, type FrostKey } from './group.js';

/** What a member of a group says to show that it holds its share now. */
export const shareStatementSchema = controlStatementSchema.extend({ member: slugSchema });
export type ShareStatement = z.infer<typeof shareStatementSchema>;

const DOMAIN = 'bulkhead/proof-of-share/v1\n';

/** SHA-256 of the domain tag and RFC 8785 JSON: bound to the group's key and epoch, and never a BIP-341 digest. */
function shareDigest(group: FrostGroup, statement: ShareStatement): Uint8Array {
  const bound = { ...shareStatementSchema.parse(statement), key: outputKey(group), epoch: group.epoch };
  return createHash('sha256').update(DOMAIN).update(canonicalJson(bound)).digest();
}

/**
 * A BIP-340 signature by the share itself, under the member's verifying share: a proof of knowledge of that one scalar,
 * with a nonce of its own. It needs no round with others and uses up no nonces of theirs, and under the group's key, the
 * only one that a coin can be spent by, it is worth nothing: the challenge is over the verifying share.
 */
export const proveShareControl = (key: FrostKey, statement: Omit<ShareStatement, 'member'>): Uint8Array =>
  schnorr.sign(shareDigest(key.group, { ...statement, member: key.member }), key.share);

/**
 * `keys.signature-invalid` unless the member's share of this group has signed exactly this statement. That the group's
 * verifying shares are of its key is for the caller to check (`groupOutputKey` of @bulkhead/bitcoin).
 */
export function verifyShareControl(group: FrostGroup, statement: ShareStatement, signature: Uint8Array): Result<true> {
  const { member, wallet, address } = statement;
  const share = group.verifyingShares[group.members.indexOf(member)];
  if (share && isSigned(signature, shareDigest(group, statement), share)) return accepted(true);
  return refused('keys.signature-invalid', `The member does not show that it holds its share for ${address}.`, {
    member,
    wallet,
    address,
  });
}

function isSigned(signature: Uint8Array, digest: Uint8Array, share: string): boolean {
  try {
    return schnorr.verify(signature, digest, Buffer.from(share.slice(2), 'hex'));
  } catch {
    return false;
  }
}
