import { accepted, instantSchema, refused, slugSchema, textSchema, type Digest, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import { hasExpired, memberKeySchema } from './member-key.js';
import { verifySignature, type Approval, type Statement } from './statement.js';

/**
 * Duties are disjoint: a member has one role. Operators approve transfers, compliance officers write policies, engineers
 * operate signers; attestors are machines that state facts (prices, travel rule) and decide nothing.
 */
export const ROLES = ['operator', 'compliance', 'engineer', 'attestor'] as const;
export type Role = (typeof ROLES)[number];

export const memberSchema = z.strictObject({
  id: slugSchema,
  /** The natural person. One person counts once, however many memberships or keys they have. */
  person: slugSchema,
  name: textSchema.min(1).max(100),
  role: z.enum(ROLES),
  keys: z.array(memberKeySchema).min(1).max(8),
  /** After this instant nothing that the member signs or has signed counts; without it until the member is revoked. */
  expiresAt: instantSchema.optional(),
});
export type Member = z.infer<typeof memberSchema>;

/** Members by the id of each group that they are in, besides the group of their role. */
export type Groups = ReadonlyMap<string, ReadonlySet<string>>;

const requirementSchema = z.strictObject({
  /** A role, or the id of a group of the charter. */
  group: slugSchema,
  threshold: z.int().min(1).max(20),
});
export type Requirement = z.infer<typeof requirementSchema>;

/**
 * One alternative must be met in full: every requirement of it, by distinct people, none of them the initiator. Each
 * person serves one requirement only.
 */
export const quorumSchema = z.strictObject({
  /** Roles or groups whose members may start it. */
  initiators: z.array(slugSchema).min(1).max(20),
  anyOf: z.array(z.array(requirementSchema).min(1).max(6)).min(1).max(8),
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
  readonly groups: Groups;
  /** RFC 3339: the instant at which statements must not have expired. */
  readonly at: string;
}

/** Whether a member is in a group: of the charter's, or that of their role. */
export const isIn = (member: Member, group: string, groups: Groups): boolean =>
  group === member.role || (groups.get(group)?.has(member.id) ?? false);

/** Whether this member may start what the quorum decides. */
export const mayInitiate = ({ initiators }: Pick<Quorum, 'initiators'>, member: Member, groups: Groups): boolean =>
  initiators.some((group) => isIn(member, group, groups));

/** The fewest people, the initiator not counted, that a quorum can be met by. */
export const fewestPeople = ({ anyOf }: Quorum): number =>
  Math.min(...anyOf.map((requirements) => requirements.reduce((sum, { threshold }) => sum + threshold, 0)));

/**
 * What is missing when these people each serve one requirement at most: a greatest matching of people to places (by
 * augmenting paths), so that no order in which people come makes a difference. Empty when the alternative is met.
 *
 * @param people each with the memberships that they could approve by
 */
function missingFrom(
  requirements: readonly Requirement[],
  people: readonly (readonly Member[])[],
  groups: Groups,
): readonly Requirement[] {
  const places = requirements.flatMap(({ group, threshold }) => new Array<string>(threshold).fill(group));
  const servedBy = new Map<number, number>();
  const serve = (place: number, tried: Set<number>): boolean => {
    for (const [index, memberships] of people.entries()) {
      const canServe = memberships.some((member) => isIn(member, places[place] ?? '', groups));
      if (tried.has(index) || !canServe) continue;
      tried.add(index);
      const elsewhere = [...servedBy].find(([, server]) => server === index)?.[0];
      if (elsewhere === undefined || serve(elsewhere, tried)) {
        servedBy.set(place, index);
        return true;
      }
    }
    return false;
  };
  const empty = places.flatMap((group, place) => (serve(place, new Set()) ? [] : [group]));
  return [...new Set(empty)].map((group) => ({ group, threshold: empty.filter((one) => one === group).length }));
}

const inWords = (missing: readonly Requirement[]): string =>
  missing.map(({ group, threshold }) => `${threshold} ${group}`).join(', ');

/** Is this quorum reachable whoever of its initiators starts? Every group that it names must have members. */
export function checkQuorumReachable(
  name: string,
  quorum: Quorum,
  members: readonly Member[],
  groups: Groups,
): Result<Quorum> {
  const unreachable = (detail: string): Result<Quorum> =>
    refused('charter.quorum-unreachable', detail, { quorum: name });
  for (const requirements of quorum.anyOf) {
    const named = requirements.map(({ group }) => group);
    if (new Set(named).size !== named.length) return unreachable('An alternative names each group once.');
    const nobody = named.find((group) => !members.some((member) => isIn(member, group, groups)));
    if (nobody !== undefined) return unreachable(`There is nobody in ${nobody}.`);
  }
  const initiators = members.filter((member) => mayInitiate(quorum, member, groups));
  if (initiators.length === 0) return unreachable('Nobody may start what this quorum decides.');
  for (const initiator of initiators) {
    const others = byPerson(members.filter((member) => member.person !== initiator.person));
    const lacks = quorum.anyOf.map((requirements) => missingFrom(requirements, others, groups));
    if (lacks.every((missing) => missing.length > 0)) {
      return unreachable(`When ${initiator.id} starts, these remain to be found: ${lacks.map(inWords).join(', or ')}.`);
    }
  }
  return accepted(quorum);
}

/** The memberships of each person. */
const byPerson = (members: readonly Member[]): Member[][] =>
  [...new Set(members.map(({ person }) => person))].map((person) => members.filter((one) => one.person === person));

/** Checks one approval by itself: known member and key, the right firm, intent and bytes, in time, truly signed. */
export function checkApproval(approval: Approval, context: ApprovalContext): Result<Statement> {
  const { statement } = approval;
  const facts = { member: statement.member, decision: statement.decision };
  const member = context.members.get(statement.member);
  if (!member) return refused('approval.unknown-member', 'No such member in the charter.', facts);
  const key = member.keys.find((candidate) => candidate.id === statement.key);
  if (!key) return refused('approval.unknown-key', 'The member has no such key in the charter.', facts);
  if (member.expiresAt !== undefined && member.expiresAt < context.at) {
    return refused(
      'approval.member-expired',
      'The membership has expired; what was signed under it counts no more.',
      facts,
    );
  }
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
 * nobody the initiator, nobody who has withdrawn, one alternative met in full. Any approval that is not valid refuses
 * the whole: unknown means no.
 */
export function checkQuorum(
  quorum: Quorum,
  proposal: Approval,
  approvals: readonly Approval[],
  context: ApprovalContext,
): Result<{ readonly approvers: readonly string[] }> {
  const opened = checkProposal(proposal, context);
  if (!opened.ok) return opened;
  const { members, groups } = context;
  const initiator = members.get(context.initiator);
  if (!initiator || !mayInitiate(quorum, initiator, groups)) {
    return refused('approval.not-eligible', 'This member’s role may not start this.', { member: context.initiator });
  }
  const withdrawn = new Set(
    approvals.filter(({ statement }) => statement.decision === 'WITHDRAW').map(({ statement }) => statement.member),
  );
  const people = new Map<string, readonly [Member]>();
  for (const approval of approvals) {
    const checked = checkApproval(approval, context);
    if (!checked.ok) return checked;
    if (withdrawn.has(checked.value.member) && checked.value.decision !== 'REJECT') continue;
    const counted = countOne(checked.value, quorum, initiator, people, context);
    if (!counted.ok) return counted;
    people.set(counted.value.person, [counted.value]);
  }
  const lacks = quorum.anyOf.map((requirements) => missingFrom(requirements, [...people.values()], groups));
  return lacks.some((missing) => missing.length === 0)
    ? accepted({ approvers: [...people.keys()] })
    : refused('approval.quorum-not-met', 'More approvals are needed.', { missing: lacks.map(inWords).join(', or ') });
}

/** Refuses what cannot count; otherwise gives the member to count. */
function countOne(
  statement: Statement,
  quorum: Quorum,
  initiator: Member,
  people: ReadonlyMap<string, unknown>,
  { members, groups }: ApprovalContext,
): Result<Member> {
  const member = members.get(statement.member);
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
  if (!quorum.anyOf.flat().some(({ group }) => isIn(member, group, groups))) {
    return refused('approval.not-eligible', 'This member’s role has no say in this quorum.', facts);
  }
  return accepted(member);
}
