import { approvalSchema } from '@bulkhead/approval';
import { chainNameSchema, headSchema } from '@bulkhead/charter';
import {
  amountSchema,
  assetIdSchema,
  digestJson,
  digestSchema,
  instantSchema,
  INTENT_PURPOSES,
  slugSchema,
  type Digest,
} from '@bulkhead/intent';
import { decisionRecordSchema, sealSchema, type DecisionRecord, type PastSpend } from '@bulkhead/policy';
import { z } from 'zod';
import { tipSchema } from '../../token-memory/core/token-memory.js';

/** How many decisions of a signer one answer holds; whoever lacks more asks on. */
export const MOST_RECORDS = 200;
/** How many requests to sign one question may speak of. */
export const MOST_SUBJECTS = 100;

export const nonceSchema = z.string().regex(/^[0-9a-f]{64}$/);

/** What one signer asks another before it signs. */
export const questionSchema = z.strictObject({
  v: z.literal(1),
  firm: digestSchema,
  from: slugSchema,
  to: slugSchema,
  /** Random and never used again: the answer is to this question, and newer than it. */
  nonce: nonceSchema,
  at: instantSchema,
  /** Whose heads are asked for. */
  chains: z.array(chainNameSchema).max(2 * MOST_SUBJECTS),
  /** Transfer intents of which the objections are asked for. */
  intents: z.array(digestSchema).max(MOST_SUBJECTS),
  /** Up to where the asker has the other's decisions. */
  after: tipSchema,
});
export type Question = z.infer<typeof questionSchema>;

/** A transfer that a signer is deciding on: it may come to be agreed to. */
const tentativeSchema = z.strictObject({
  payloadDigest: digestSchema,
  wallet: slugSchema,
  owner: slugSchema,
  asset: assetIdSchema,
  payee: z.string(),
  initiator: slugSchema,
  purpose: z.enum(INTENT_PURPOSES),
  amount: amountSchema,
  at: instantSchema,
});
export type Tentative = z.infer<typeof tentativeSchema>;

export const answerSchema = z.strictObject({
  v: z.literal(1),
  signer: slugSchema,
  /** Of the question, its nonce included. */
  question: digestSchema,
  /** Of the chains that were asked for and that the signer has. */
  heads: z.record(chainNameSchema, headSchema),
  /** What it was deciding on, read before `tip`: what left this list since is among the records. */
  tentatives: z.array(tentativeSchema),
  /** Its decisions that follow the asker's, at most {@link MOST_RECORDS}; refusals too, so that none can be left out. */
  records: z.array(decisionRecordSchema).max(MOST_RECORDS),
  /** How many decisions it has made, and the hash of the last. */
  tip: tipSchema,
  objections: z.array(approvalSchema),
});
export type Answer = z.infer<typeof answerSchema>;

export const sealedQuestionSchema = z.strictObject({ question: questionSchema, ...sealSchema.shape });
export type SealedQuestion = z.infer<typeof sealedQuestionSchema>;
export const sealedAnswerSchema = z.strictObject({ answer: answerSchema, ...sealSchema.shape });
export type SealedAnswer = z.infer<typeof sealedAnswerSchema>;

export const questionDigest = (question: Question): Digest => digestJson('bulkhead/signer-question/v1', question);
export const answerDigest = (answer: Answer): Digest => digestJson('bulkhead/signer-answer/v1', answer);

export const spendOfTentative = (tentative: Tentative): PastSpend => ({
  ...tentative,
  amount: BigInt(tentative.amount),
});

export const tentativeOf = (spend: PastSpend): Tentative => ({ ...spend, amount: spend.amount.toString() });

/** What a decision was the first to let go. Records of long ago do not say for whom: that counts for the wallet only. */
export const spendOfRecord = ({ payloadDigest, subject, spends, at }: DecisionRecord): PastSpend | undefined =>
  spends === null
    ? undefined
    : {
        payloadDigest,
        wallet: subject,
        asset: spends.asset,
        amount: BigInt(spends.amount),
        owner: spends.owner ?? '',
        payee: spends.payee ?? '',
        initiator: spends.initiator ?? '',
        purpose: spends.purpose ?? 'PAYMENT',
        at,
      };
