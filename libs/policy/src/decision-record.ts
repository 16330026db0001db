import { createHash, sign, verify, X509Certificate } from 'node:crypto';
import { headSchema } from '@bulkhead/charter';
import {
  accepted,
  amountSchema,
  assetIdSchema,
  digestJson,
  digestSchema,
  instantSchema,
  refused,
  slugSchema,
  type Digest,
  type Result,
} from '@bulkhead/intent';
import { z } from 'zod';
import type { GasRequest } from './decide-gas.js';

/** What a signer was asked, what it decided and on what: one link of the chain of all its decisions. */
export const decisionRecordSchema = z.strictObject({
  v: z.literal(1),
  firm: digestSchema,
  signer: slugSchema,
  /** How many decisions of this signer came before. */
  position: z.int().min(0),
  /** Hash of the record before it; zeros at position 0. */
  previous: digestSchema,
  kind: z.enum(['transfer', 'gas']),
  /** The wallet, or the gas payer's address, as the request names it. */
  subject: z.string(),
  intentDigest: digestSchema.nullable(),
  payloadDigest: digestSchema,
  decision: z.enum(['SIGN', 'REFUSE']),
  /** Why it was refused. */
  code: z.string().nullable(),
  facts: z.record(z.string(), z.string()),
  /** Coins and nonces that this decision is the first to give to the payload, for good. */
  commits: z.array(z.string()),
  /** What this decision is the first to let go; counted against the signer's own limits. */
  spends: z.strictObject({ asset: assetIdSchema, amount: amountSchema }).nullable(),
  /** The charter that decided: heads of the firm's and the owner's chain. */
  heads: z.record(z.string(), headSchema),
  /** By the signer's own clock. */
  at: instantSchema,
});
export type DecisionRecord = z.infer<typeof decisionRecordSchema>;

/** A record that stands on its own: whoever knows the signer's fingerprint from the charter can verify it. */
export const signedDecisionSchema = z.strictObject({
  record: decisionRecordSchema,
  /** The signer's TLS certificate, DER in base64. */
  certificate: z.base64().max(8_000),
  /** ECDSA with SHA-256 over the 32 bytes of the record's hash by the certificate's P-256 key: r || s, hex. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type SignedDecision = z.infer<typeof signedDecisionSchema>;

/** The digest that stands for a gas transaction, which nobody approves. */
export const gasPayloadDigest = ({ transaction }: GasRequest): Digest =>
  digestJson('bulkhead/gas-transaction/v1', transaction);

/** What the signature is over, and what the next record names. */
export const decisionHash = (record: DecisionRecord): Digest => digestJson('bulkhead/decision/v1', record);

/** `privateKeyPem` belongs to the certificate, which is P-256. */
export function signDecision(record: DecisionRecord, privateKeyPem: string, certificatePem: string): SignedDecision {
  const hash = Buffer.from(decisionHash(record), 'hex');
  const signature = sign('sha256', hash, { key: privateKeyPem, dsaEncoding: 'ieee-p1363' }).toString('hex');
  return { record, certificate: new X509Certificate(certificatePem).raw.toString('base64'), signature };
}

/**
 * Whether a signer has made this record: the certificate is the one of the fingerprint (SHA-256 of its DER, hex, as the
 * genesis names it), and its key has signed. Needs nothing but its arguments; `signer.decision-invalid` when not.
 */
export function verifyDecision(
  { record, certificate, signature }: SignedDecision,
  { id, tlsFingerprint }: { readonly id: string; readonly tlsFingerprint: string },
): Result<DecisionRecord> {
  const der = Buffer.from(certificate, 'base64');
  if (record.signer !== id) return invalid('it is in the name of another signer', id);
  if (createHash('sha256').update(der).digest('hex') !== tlsFingerprint)
    return invalid('it comes with another certificate than the signer’s', id);
  const hash = Buffer.from(decisionHash(record), 'hex');
  return isSignedBy(der, hash, Buffer.from(signature, 'hex'))
    ? accepted(record)
    : invalid('the signature is not by the signer over this record', id);
}

function isSignedBy(certificate: Buffer, hash: Buffer, signature: Buffer): boolean {
  try {
    const key = new X509Certificate(certificate).publicKey;
    return (
      key.asymmetricKeyDetails?.namedCurve === 'prime256v1' &&
      verify('sha256', hash, { key, dsaEncoding: 'ieee-p1363' }, signature)
    );
  } catch {
    return false;
  }
}

const invalid = (problem: string, signer: string): Result<never> =>
  refused('signer.decision-invalid', 'This is no decision record of the signer.', { signer, problem });
