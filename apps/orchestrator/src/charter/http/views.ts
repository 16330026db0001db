import { DECISIONS, memberSchema, quorumSchema } from '@bulkhead/approval';
import {
  actSchema,
  calendarSchema,
  chainNameSchema,
  charterIntentSchema,
  GOVERNED,
  groupSchema,
  headSchema,
  limitsSchema,
  rulesSchema,
  type CharterState,
} from '@bulkhead/charter';
import { digestSchema, instantSchema, slugSchema, uuidSchema, type Refusal } from '@bulkhead/intent';
import { z } from 'zod';
import { attestationViewSchema } from '../../passkeys/persistence/attestations.js';
import type { Governance } from '../core/governance.js';
import type { Preview, ProposedAct } from '../core/proposals.service.js';

const refusalSchema = z.strictObject({
  code: z.string(),
  detail: z.string(),
  facts: z.record(z.string(), z.string()),
});

const pendingSchema = z.strictObject({
  intent: uuidSchema,
  chain: chainNameSchema,
  kind: z.string(),
  act: actSchema,
  notBefore: instantSchema,
  /** Why, for an emergency. */
  reason: z.string().nullable(),
});

export const charterViewSchema = z.strictObject({
  firm: digestSchema,
  name: z.string(),
  bitcoin: z.string(),
  ethereum: z.string(),
  heads: z.record(z.string(), headSchema),
  members: z.array(memberSchema),
  groups: z.array(groupSchema),
  /** Those that are not retired. */
  signers: z.array(z.string()),
  rules: rulesSchema,
  calendar: calendarSchema.nullable(),
  quorums: z.partialRecord(z.enum(GOVERNED), quorumSchema),
  limits: limitsSchema,
  /** What is frozen, to the reason why. */
  frozen: z.record(z.string(), z.string()),
  /** What loosens and waits out its delay. */
  pending: z.array(pendingSchema),
});
export type CharterView = z.infer<typeof charterViewSchema>;

const governanceShape = {
  chain: chainNameSchema,
  /** The quorum that decides it, by name; null for a genesis. */
  governedBy: z.enum(GOVERNED).nullable(),
  quorum: quorumSchema.nullable(),
  /** How long it waits once its quorum is complete. */
  delaySeconds: z.int(),
};
export const previewViewSchema = z.strictObject({
  ...governanceShape,
  /** Why it could not be enacted or proposed as the charter stands. */
  refusal: refusalSchema.nullable(),
});
export type PreviewView = z.infer<typeof previewViewSchema>;

export const intentViewSchema = z.strictObject({
  id: uuidSchema,
  digest: digestSchema,
  status: z.enum(['PENDING_APPROVAL', 'ENACTED', 'REJECTED', 'LAPSED']),
  intent: charterIntentSchema,
  refusal: refusalSchema.nullable(),
  ...governanceShape,
  /** Every word given on it; `stands` when it counts as things are now. */
  approvals: z.array(z.strictObject({ member: slugSchema, decision: z.enum(DECISIONS), stands: z.boolean() })),
  /** What its quorum still lacks. */
  missing: z.string().nullable(),
  /** Enacted, and not in force before this. */
  notBefore: instantSchema.nullable(),
  /** Of the passkey that it would enrol: what its registration has shown of the authenticator. */
  attestation: attestationViewSchema.nullable(),
});
export type IntentView = z.infer<typeof intentViewSchema>;

export function charterView(state: CharterState): CharterView {
  const { firm, genesis, heads, members, groups, signers, rules, calendar, quorums, limits, frozen, pending } = state;
  return {
    firm,
    name: genesis.name,
    bitcoin: genesis.bitcoin,
    ethereum: genesis.ethereum,
    heads: heads.toObject(),
    members: [...members.values()],
    groups: [...groups].map(([id, named]) => ({ id, members: [...named] })),
    signers: [...signers.values()].filter(({ retired }) => !retired).map(({ id }) => id),
    rules,
    calendar: calendar ?? null,
    quorums,
    limits,
    frozen: frozen.toObject(),
    pending: [...pending.entries()].map(([intent, { act, chain, notBefore }]) => ({
      intent,
      chain,
      kind: act.kind,
      act,
      notBefore,
      reason: act.kind === 'break-glass' ? act.reason : null,
    })),
  };
}

export const previewView = ({ refusal, ...governance }: Preview): PreviewView => ({
  ...governanceView(governance),
  refusal: refusal && refusalView(refusal),
});

export const intentView = ({ row, governance, words, missing, notBefore, attestation }: ProposedAct): IntentView => ({
  id: row.id,
  digest: row.digest as IntentView['digest'],
  status: row.status,
  intent: row.intent,
  refusal: row.refusal && refusalView(row.refusal),
  ...governanceView(governance),
  approvals: words.map(({ word, stands }) => ({
    member: word.statement.member,
    decision: word.statement.decision,
    stands,
  })),
  missing: missing && (missing.facts['missing'] ?? missing.detail),
  notBefore,
  attestation,
});

const governanceView = ({ chain, governedBy, quorum, delaySeconds }: Governance): Governance => ({
  chain,
  governedBy,
  quorum,
  delaySeconds,
});

const refusalView = ({ code, detail, facts }: Refusal): z.infer<typeof refusalSchema> => ({
  code,
  detail,
  facts: { ...facts },
});
