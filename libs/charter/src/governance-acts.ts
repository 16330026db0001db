import { memberKeySchema, memberSchema, quorumSchema } from '@bulkhead/approval';
import { MAX_POLICY_LENGTH } from '@bulkhead/cedar';
import { chainIdSchema, instantSchema, slugSchema, textSchema, uuidSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { GOVERNED, limitsSchema, rulesSchema } from './governed.js';
import { calendarSchema, groupSchema, signerSchema } from './parties.js';

/** What can be frozen, each held to at every decision by the orchestrator and by each signer. */
export const freezeScopeSchema = z.discriminatedUnion('of', [
  z.strictObject({ of: z.literal('firm') }),
  z.strictObject({ of: z.literal('owner'), owner: slugSchema }),
  z.strictObject({ of: z.literal('wallet'), wallet: slugSchema }),
  z.strictObject({ of: z.literal('destination'), chain: chainIdSchema, address: z.string() }),
  /** One output of a Bitcoin transaction, `<txid>:<vout>`. */
  z.strictObject({
    of: z.literal('coin'),
    chain: chainIdSchema,
    coin: z.string().regex(/^[0-9a-f]{64}:(0|[1-9]\d{0,9})$/),
  }),
]);
export type FreezeScope = z.infer<typeof freezeScopeSchema>;

/** A Cedar policy. Its id is its own for ever: setting it again replaces its text, within the same scope. */
export const policySchema = z.strictObject({
  id: slugSchema,
  /** One policy of the published schema: see `parsePolicy` of @bulkhead/cedar. */
  text: textSchema.min(1).max(MAX_POLICY_LENGTH),
  /** For transfers of this owner only; null: of everybody. */
  owner: slugSchema.nullable(),
  /** For transfers out of this wallet of the owner only; null: of all its wallets. */
  wallet: slugSchema.nullable(),
});
export type Policy = z.infer<typeof policySchema>;

/** Acts that an emergency may need, and so those that break-glass can bring. */
const EMERGENCY_ACTS = [
  z.strictObject({ kind: z.literal('member.enrol'), member: memberSchema }),
  z.strictObject({ kind: z.literal('member.revoke'), member: slugSchema }),
  /** Moves the end of a membership; null: it lasts until it is revoked. */
  z.strictObject({ kind: z.literal('member.renew'), member: slugSchema, expiresAt: instantSchema.nullable() }),
  z.strictObject({ kind: z.literal('member-key.enrol'), member: slugSchema, key: memberKeySchema }),
  z.strictObject({ kind: z.literal('member-key.revoke'), member: slugSchema, key: slugSchema }),
  /** Makes a group, or gives it other members. */
  z.strictObject({ kind: z.literal('group.set'), group: groupSchema }),
  z.strictObject({ kind: z.literal('group.remove'), group: slugSchema }),
  z.strictObject({ kind: z.literal('quorum.set'), governed: z.enum(GOVERNED), quorum: quorumSchema }),
  z.strictObject({ kind: z.literal('limits.set'), limits: limitsSchema }),
  z.strictObject({ kind: z.literal('rules.set'), rules: rulesSchema }),
  z.strictObject({ kind: z.literal('signer.enrol'), signer: signerSchema }),
  z.strictObject({ kind: z.literal('signer.retire'), signer: slugSchema }),
  z.strictObject({ kind: z.literal('freeze'), scope: freezeScopeSchema, reason: textSchema.min(1).max(200) }),
  z.strictObject({ kind: z.literal('unfreeze'), scope: freezeScopeSchema }),
  z.strictObject({ kind: z.literal('policy.set'), ...policySchema.shape }),
  z.strictObject({ kind: z.literal('policy.remove'), id: slugSchema }),
] as const;

/** Acts that change who decides, how many must, and what is at rest. All but those about one client stand on the firm's chain. */
export const GOVERNANCE_ACTS = [
  ...EMERGENCY_ACTS,
  z.strictObject({ kind: z.literal('calendar.set'), calendar: calendarSchema }),
  z.strictObject({
    kind: z.literal('destination.revoke'),
    owner: slugSchema,
    chain: chainIdSchema,
    address: z.string(),
  }),
  /**
   * Closes an incident of the orchestrator and lifts the freeze that it put on its wallet. `release`: a quarantined deposit
   * becomes the wallet's. Signers hold no incidents: for them it is on the record and changes nothing.
   */
  z.strictObject({
    kind: z.literal('incident.close'),
    incident: uuidSchema,
    resolution: textSchema.min(1).max(500),
    release: z.boolean(),
  }),
  /** Puts into force what has waited out its delay. */
  z.strictObject({ kind: z.literal('pending.enact'), intent: uuidSchema }),
  /** Ends what is still waiting. */
  z.strictObject({ kind: z.literal('pending.veto'), intent: uuidSchema }),
] as const;

/**
 * An emergency: the act that it brings is decided by the quorum for break-glass instead of its own, always after a delay,
 * and is held to every rule that it would be held to without.
 */
export const breakGlassSchema = z.strictObject({
  kind: z.literal('break-glass'),
  act: z.discriminatedUnion('kind', EMERGENCY_ACTS),
  reason: textSchema.min(1).max(500),
});
