import { accepted, refused, slugSchema, textSchema, type Digest, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import { hasExpired, memberKeySchema } from './member-key.js';
import { verifySignature, type Approval, type Statement } from './statement.js';

/** Duties are disjoint: a member has one role. */
export const ROLES = ['operator', 'compliance'] as const;
export type Role = (typeof ROLES)[number];

export const memberSchema = z.strictObject({
  id: slugSchema,
  /** The natural person. One person counts once, however many memberships or keys they have. */
  person: slugSchema,
  name: textSchema.min(1).max(100),
  role: z.enum(ROLES),
  keys: z.array(memberKeySchema).min(1).max(8),
});
export type Member = z.infer<typeof memberSchema>;

/** Every requirement must be met, by distinct people, none of them the initiator. */
export const quorumSchema = z.strictObject({
  initiators: z.array(z.enum(ROLES)).min(1),
  requires: z
    .array(z.strictObject({ role: z.enum(ROLES), threshold: z.int().min(1).max(20) }))
    .min(1)
    .max(ROLES.length),
});
export type Quorum = z.infer<typeof quorumSchema>;

/** What approvals are checked against: the exact intent and bytes, and the members known at that point. */
export interface ApprovalContext {
  readonly firm: Digest;
  readonly intent: Digest;
  readonly payload: Digest;
  readonly initiator: string;
  /** The charter sequence that statements may name: exactly this one (charter), or any up to it (transfers). */
  readonly charterSequence: number;
  readonly charterSequenceExact: boolean;
  readonly members: ReadonlyMap<string, Member>;
  /** RFC 3339: the instant at which statements must not have expired. */
  readonly at: string;
}

/**
 * Is this quorum reachable whoever of its initiators starts? Each person serves one requirement only, so every group
 * of requirements must have as many eligible people as it asks for together (Hall's marriage theorem).
 */
export function checkQuorumReachable(name: string, quorum: Quorum, members: readonly Member[]): Result<Quorum> {
  const roles = quorum.requires.map((requirement) => requirement.role);
  const unreachable = (detail: string): Result<Quorum> =>
    refused('charter.quorum-unreachable', detail, { quorum: name });
  if (new Set(roles).size !== roles.length) return unreachable('A quorum names each role once.');
  const initiators = members.filter((member) => quorum.initiators.includes(member.role));
  if (initiators.length === 0) return unreachable('Nobody may start what this quorum decides.');
  for (const initiator of initiators) {
    const others = members.filter((member) => member.person !== initiator.person);
    for (const group of groupsOf(quorum.requires)) {
      const asked = group.map((requirement) => requirement.role);
      const eligible = new Set(others.filter(({ role }) => asked.includes(role)).map(({ person }) => person)).size;
      const needed = group.reduce((sum, { threshold }) => sum + threshold, 0);
      if (needed > eligible) {
        return unreachable(
          `When ${initiator.id} starts, ${eligible} people of role ${asked.join(' or ')} remain, and ${needed} are needed.`,
        );
      }
    }
  }
  return accepted(quorum);
}

/** All groups of some requirements; the empty one asks for nobody. */
const groupsOf = (requires: Quorum['requires']): Quorum['requires'][] =>
  requires.reduce<Quorum['requires'][]>(
    (groups, requirement) => [...groups, ...groups.map((group) => [...group, requirement])],
    [[]],
  );

/** Checks one approval by itself: known member and key, the right firm, intent and bytes, in time, truly signed. */
export function checkApproval(approval: Approval, context: ApprovalContext): Result<Statement> {
  const { statement } = approval;
  const facts = { member: statement.member, decision: statement.decision };
  const member = context.members.get(statement.member);
  if (!member) return refused('approval.unknown-member', 'No such member in the charter.', facts);
  const key = member.keys.find((candidate) => candidate.id === statement.key);
  if (!key) return refused('approval.unknown-key', 'The member has no such key in the charter.', facts);
  if (hasExpired(key, context.at)) {
    return refused('approval.key-expired', 'The key has expired; what it signed counts no more.', {
      ...facts,
      key: key.id,
    });
  }
  if (statement.firm !== context.firm) {
    return refused('intent.wrong-firm', 'The approval was given under the charter of another firm.', facts);
  }
  if (statement.intent !== context.intent) {
    return refused('approval.intent-mismatch', 'The approval names another intent.', facts);
  }
  const bytes = statement.decision === 'PROPOSE' ? context.intent : context.payload;
  if (statement.payload !== bytes) {
    return refused('approval.payload-mismatch', 'The approval was given for other bytes; approve these anew.', facts);
  }
  const sequenceOk = context.charterSequenceExact
    ? statement.charterSequence === context.charterSequence
    : statement.charterSequence <= context.charterSequence;
  if (!sequenceOk) {
    return refused('approval.charter-mismatch', 'The approval was given at another state of the charter.', {
      ...facts,
      approved: String(statement.charterSequence),
      charter: String(context.charterSequence),
    });
  }
  if (statement.expiresAt < context.at) return refused('approval.expired', 'The approval has expired.', facts);
  return verifySignature(approval, key);
}

/** The initiator's own signature over the intent. */
export function checkProposal(proposal: Approval, context: ApprovalContext): Result<Statement> {
  const { statement } = proposal;
  if (statement.decision !== 'PROPOSE' || statement.member !== context.initiator) {
    return refused('approval.malformed', 'An intent opens with the initiator’s own PROPOSE statement.', {
      member: statement.member,
    });
  }
  return checkApproval(proposal, context);
}

/**
 * The whole decision: proposal by an allowed initiator, every approval valid, no rejection, one count per person,
 * nobody the initiator, nobody who has withdrawn, each requirement met. Any approval that is not valid refuses the
 * whole: unknown means no.
 */
export function checkQuorum(
  quorum: Quorum,
  proposal: Approval,
  approvals: readonly Approval[],
  context: ApprovalContext,
): Result<{ readonly approvers: readonly string[] }> {
  const opened = checkProposal(proposal, context);
  if (!opened.ok) return opened;
  const initiator = context.members.get(context.initiator);
  if (!initiator || !quorum.initiators.includes(initiator.role)) {
    return refused('approval.not-eligible', 'This member’s role may not start this.', { member: context.initiator });
  }
  const withdrawn = new Set(
    approvals.filter(({ statement }) => statement.decision === 'WITHDRAW').map(({ statement }) => statement.member),
  );
  const people = new Set<string>();
  const counts = new Map<Role, number>();
  for (const approval of approvals) {
    const checked = checkApproval(approval, context);
    if (!checked.ok) return checked;
    if (withdrawn.has(checked.value.member)) continue;
    const counted = countOne(checked.value, quorum, initiator, people, context);
    if (!counted.ok) return counted;
    counts.set(counted.value.role, (counts.get(counted.value.role) ?? 0) + 1);
  }
  const missing = quorum.requires
    .map(({ role, threshold }) => ({ role, count: threshold - (counts.get(role) ?? 0) }))
    .filter(({ count }) => count > 0);
  if (missing.length > 0) {
    return refused('approval.quorum-not-met', 'More approvals are needed.', {
      missing: missing.map(({ role, count }) => `${count} ${role}`).join(', '),
    });
  }
  return accepted({ approvers: [...people] });
}

/** Refuses what cannot count; otherwise notes the person and returns the member. */
function countOne(
  statement: Statement,
  quorum: Quorum,
  initiator: Member,
  people: Set<string>,
  context: ApprovalContext,
): Result<Member> {
  const member = context.members.get(statement.member);
  if (!member)
    return refused('approval.unknown-member', 'No such member in the charter.', { member: statement.member });
  const facts = { member: member.id, person: member.person };
  if (statement.decision === 'REJECT') return refused('approval.rejected', 'A member has rejected this intent.', facts);
  if (statement.decision !== 'APPROVE') {
    return refused('approval.malformed', 'A proposal is not an approval.', facts);
  }
  if (member.person === initiator.person) {
    return refused('approval.initiator', 'The initiator’s own approval never counts.', facts);
  }
  if (people.has(member.person)) {
    return refused('approval.duplicate', 'One person counts once; this person has approved already.', facts);
  }
  if (!quorum.requires.some((requirement) => requirement.role === member.role)) {
    return refused('approval.not-eligible', 'This member’s role has no say in this quorum.', facts);
  }
  people.add(member.person);
  return accepted(member);
}
