import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** A SHA-256 digest as 64 lower-case hex digits. */
export type Digest = string & { readonly __brand: 'Digest' };

export const ZERO_DIGEST = '0'.repeat(64) as Digest;

/** What a digest is of. The tag keeps a digest made for one purpose from standing for another. */
export type DigestTag =
  | 'bulkhead/intent/v1'
  | 'bulkhead/payload/psbt/v1'
  | 'bulkhead/payload/safe-tx/v1'
  | 'bulkhead/approval/v1'
  | 'bulkhead/attestation/v1'
  | 'bulkhead/charter-entry/v1'
  | 'bulkhead/gas-transaction/v1'
  | 'bulkhead/decision/v1'
  | 'bulkhead/signer-log/v1'
  | 'bulkhead/signer-heads/v1'
  | 'bulkhead/signer-question/v1'
  | 'bulkhead/signer-answer/v1'
  | 'bulkhead/recovery-kit/v1'
  | 'bulkhead/ceremony-line/v1'
  | 'bulkhead/ceremony-plan/v1'
  | 'bulkhead/frost-terms/v1'
  | 'bulkhead/frost-message/v1'
  | 'bulkhead/frost-transcript/v1'
  | 'bulkhead/share-proof/v1';

/**
 * RFC 8785 (JSON Canonicalization Scheme). Throws on what JSON cannot hold (bigint, NaN, a lone surrogate); a property
 * that is undefined is left out, as by JSON.stringify.
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('value has no JSON form');
  return text;
}

/** SHA-256 over `SHA-256(tag) || SHA-256(tag) || bytes`: the tagged hash of BIP-340. */
export function digestBytes(tag: DigestTag, bytes: Uint8Array): Digest {
  const tagHash = createHash('sha256').update(tag, 'utf8').digest();
  return createHash('sha256').update(tagHash).update(tagHash).update(bytes).digest('hex') as Digest;
}

/** {@link digestBytes} of the canonical JSON of a value. */
export const digestJson = (tag: DigestTag, value: unknown): Digest =>
  digestBytes(tag, Buffer.from(canonicalJson(value), 'utf8'));
