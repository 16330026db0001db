import { headSchema } from '@bulkhead/charter';
import {
  accepted,
  amountSchema,
  assetIdSchema,
  digestJson,
  digestSchema,
  instantSchema,
  INTENT_PURPOSES,
  refused,
  slugSchema,
  type Digest,
  type Result,
} from '@bulkhead/intent';
import { z } from 'zod';
import type { GasRequest } from './decide-gas.js';
import { sealProblem, sealSchema } from './seal.js';

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
  /** What decided: of a refusal, the refusal's own; of a yes, policies, quorums, approvers, fee and what velocity was read. */
  facts: z.record(z.string(), z.string()),
  /** Coins and nonces that this decision is the first to give to the payload, for good. */
  commits: z.array(z.string()),
  /** What this decision is the first to let go; counted against limits by this signer and by the others. */
  spends: z
    .strictObject({
      asset: assetIdSchema,
      amount: amountSchema,
      /** Not there in records of before there were policies that ask for them. */
      owner: slugSchema.optional(),
      payee: z.string().optional(),
      initiator: slugSchema.optional(),
      purpose: z.enum(INTENT_PURPOSES).optional(),
    })
    .nullable(),
  /** The charter that decided: heads of the firm's and the owner's chain. */
  heads: z.record(z.string(), headSchema),
  /** By the signer's own clock. */
  at: instantSchema,
});
export type DecisionRecord = z.infer<typeof decisionRecordSchema>;

/** A record that stands on its own: whoever knows the signer's fingerprint from the charter can verify it. */
export const signedDecisionSchema = z.strictObject({ record: decisionRecordSchema, ...sealSchema.shape });
export type SignedDecision = z.infer<typeof signedDecisionSchema>;

/** The digest that stands for a gas transaction, which nobody approves. */
export const gasPayloadDigest = ({ transaction }: GasRequest): Digest =>
  digestJson('bulkhead/gas-transaction/v1', transaction);

/** What the signature is over, and what the next record names. */
export const decisionHash = (record: DecisionRecord): Digest => digestJson('bulkhead/decision/v1', record);

/**
 * Whether a signer has made this record: the certificate is the one of the fingerprint (SHA-256 of its DER, hex, as the
 * charter names it), and its key has signed. Needs nothing but its arguments; `signer.decision-invalid` when not.
 */
export function verifyDecision(
  { record, ...seal }: SignedDecision,
  { id, tlsFingerprint }: { readonly id: string; readonly tlsFingerprint: string },
): Result<DecisionRecord> {
  const problem =
    record.signer === id
      ? sealProblem(decisionHash(record), seal, tlsFingerprint)
      : 'it is in the name of another signer';
  return problem === undefined
    ? accepted(record)
    : refused('signer.decision-invalid', 'This is no decision record of the signer.', { signer: id, problem });
}
