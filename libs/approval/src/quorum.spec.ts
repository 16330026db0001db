import type { Digest } from '@bulkhead/intent';
import fc from 'fast-check';
import { makeMember, publicPart, say as sign, type TestMember } from '../../../test/support/members.js';
import {
  checkApproval,
  checkProposal,
  checkQuorum,
  checkQuorumReachable,
  memberSchema,
  quorumSchema,
  ROLES,
  type ApprovalContext,
  type Groups,
  type Member,
  type Quorum,
} from './quorum.js';
import type { Approval, Decision, Statement } from './statement.js';

const AT = '2026-01-02T03:04:05.000Z';
const FIRM = 'f0'.repeat(32) as Digest;
const INTENT = '1a'.repeat(32) as Digest;
const PAYLOAD = '2b'.repeat(32) as Digest;
const OTHER = '3c'.repeat(32) as Digest;

const olivia = makeMember('olivia', 'operator');
const omar = makeMember('omar', 'operator');
const oskar = makeMember('oskar', 'operator');
const carla = makeMember('carla', 'compliance');

const contextOf = (members: readonly TestMember[], changes: Partial<ApprovalContext> = {}): ApprovalContext => ({
  firm: FIRM,
  intent: INTENT,
  payload: PAYLOAD,
  initiator: members[0]!.id,
  charterSequence: 5,
  charterSequenceExact: false,
  members: new Map(members.map((each) => [each.id, publicPart(each)])),
  groups: new Map(),
  at: AT,
  ...changes,
});
const say = (who: TestMember, decision: Decision, changes: Partial<Statement> = {}): Approval =>
  sign(who, decision, {
    firm: FIRM,
    intent: INTENT,
    payload: decision === 'PROPOSE' ? INTENT : PAYLOAD,
    charterSequence: 5,
    ...changes,
  });
const usual = contextOf([olivia, omar, oskar, carla]);
const OPERATOR_AND_COMPLIANCE: Quorum = {
  initiators: ['operator'],
  anyOf: [
    [
      { group: 'operator', threshold: 1 },
      { group: 'compliance', threshold: 1 },
    ],
  ],
};
const codeOf = (result: { ok: true } | { ok: false; refusal: { code: string } }): string =>
  result.ok ? 'accepted' : result.refusal.code;

describe('one approval', () => {
  it('is accepted up to the instant at which it expires', () => {
    expect(codeOf(checkApproval(say(omar, 'APPROVE', { expiresAt: AT }), usual))).toBe('accepted');
    const past = say(omar, 'APPROVE', { expiresAt: '2026-01-02T03:04:04.999Z' });
    expect(codeOf(checkApproval(past, usual))).toBe('approval.expired');
  });

  it.each<[string, Approval]>([
    ['approval.unknown-member', say(makeMember('mallory', 'operator'), 'APPROVE')],
    ['intent.wrong-firm', say(omar, 'APPROVE', { firm: OTHER })],
    ['approval.intent-mismatch', say(omar, 'APPROVE', { intent: OTHER })],
    ['approval.payload-mismatch', say(omar, 'APPROVE', { payload: OTHER })],
    ['approval.payload-mismatch', say(omar, 'APPROVE', { payload: INTENT })],
    ['approval.payload-mismatch', say(omar, 'REJECT', { payload: OTHER })],
    ['approval.payload-mismatch', say(omar, 'PROPOSE', { payload: PAYLOAD })],
    ['approval.charter-mismatch', say(omar, 'APPROVE', { charterSequence: 6 })],
    // another member's signature under this member's name
    [
      'approval.bad-signature',
      { ...say(oskar, 'APPROVE'), statement: { ...say(oskar, 'APPROVE').statement, member: 'omar', key: 'omar-1' } },
    ],
    ['approval.bad-signature', { ...say(omar, 'REJECT'), statement: say(omar, 'APPROVE').statement }],
  ])('is refused with %s', (code, approval) => {
    expect(codeOf(checkApproval(approval, usual))).toBe(code);
  });

  it('is refused under a key that is not the member’s', () => {
    const statement = { ...say(omar, 'APPROVE').statement, key: 'oskar-1' };
    expect(codeOf(checkApproval({ ...say(omar, 'APPROVE'), statement }, usual))).toBe('approval.unknown-key');
  });

  it('may have seen an earlier charter for a transfer, but exactly this one for a charter entry', () => {
    const earlier = say(omar, 'APPROVE', { charterSequence: 4 });
    expect(codeOf(checkApproval(earlier, usual))).toBe('accepted');
    const exact = { ...usual, charterSequenceExact: true };
    expect(codeOf(checkApproval(earlier, exact))).toBe('approval.charter-mismatch');
    expect(codeOf(checkApproval(say(omar, 'APPROVE'), exact))).toBe('accepted');
  });

  it('is refused when any field of its statement was changed after signing', () => {
    const signed = say(omar, 'APPROVE');
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(signed.statement)), fc.jsonValue(), (field, value) => {
        fc.pre(value !== signed.statement[field as keyof Statement]);
        const changed = { ...signed, statement: { ...signed.statement, [field]: value } };
        expect(checkApproval(changed, usual).ok).toBe(false);
      }),
    );
  });
});

describe('a proposal', () => {
  it('is the initiator’s own PROPOSE', () => {
    expect(codeOf(checkProposal(say(olivia, 'PROPOSE'), usual))).toBe('accepted');
    expect(codeOf(checkProposal(say(omar, 'PROPOSE'), usual))).toBe('approval.malformed');
    expect(codeOf(checkProposal(say(olivia, 'APPROVE'), usual))).toBe('approval.malformed');
    const expired = say(olivia, 'PROPOSE', { expiresAt: '2026-01-01T00:00:00.000Z' });
    expect(codeOf(checkProposal(expired, usual))).toBe('approval.expired');
  });
});

describe('a quorum', () => {
  const decide = (approvals: readonly Approval[], context = usual, quorum = OPERATOR_AND_COMPLIANCE): string =>
    codeOf(checkQuorum(quorum, say(olivia, 'PROPOSE'), approvals, context));

  it('is met by one person of each role that it asks for', () => {
    const verdict = checkQuorum(
      OPERATOR_AND_COMPLIANCE,
      say(olivia, 'PROPOSE'),
      [say(omar, 'APPROVE'), say(carla, 'APPROVE')],
      usual,
    );
    expect(verdict).toEqual({ ok: true, value: { approvers: ['omar', 'carla'] } });
  });

  it('is not met by less', () => {
    expect(decide([])).toBe('approval.quorum-not-met');
    expect(decide([say(omar, 'APPROVE')])).toBe('approval.quorum-not-met');
    expect(decide([say(omar, 'APPROVE'), say(oskar, 'APPROVE')])).toBe('approval.quorum-not-met');
  });

  it('refuses the initiator, also under another membership', () => {
    expect(decide([say(olivia, 'APPROVE'), say(carla, 'APPROVE')])).toBe('approval.initiator');
    const alterEgo = makeMember('olivia-2', 'operator', 'olivia');
    const context = contextOf([olivia, alterEgo, carla]);
    expect(decide([say(alterEgo, 'APPROVE'), say(carla, 'APPROVE')], context)).toBe('approval.initiator');
  });

  it('counts a person once, whatever memberships and keys that person has', () => {
    const twice = [say(omar, 'APPROVE'), say(omar, 'APPROVE'), say(carla, 'APPROVE')];
    expect(decide(twice)).toBe('approval.duplicate');
    const alterEgo = makeMember('omar-2', 'compliance', 'omar');
    const context = contextOf([olivia, omar, alterEgo]);
    expect(decide([say(omar, 'APPROVE'), say(alterEgo, 'APPROVE')], context)).toBe('approval.duplicate');
  });

  it('ends with one rejection, even when it is met', () => {
    const met = [say(omar, 'APPROVE'), say(carla, 'APPROVE')];
    expect(decide([...met, say(oskar, 'REJECT')])).toBe('approval.rejected');
    expect(decide([say(olivia, 'REJECT'), ...met])).toBe('approval.rejected');
  });

  it('refuses a proposal in place of an approval, and a member without a say', () => {
    expect(decide([say(omar, 'PROPOSE'), say(carla, 'APPROVE')])).toBe('approval.malformed');
    const operators: Quorum = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 1 }]] };
    expect(decide([say(omar, 'APPROVE'), say(carla, 'APPROVE')], usual, operators)).toBe('approval.not-eligible');
  });

  it('is opened by a role that may start it only', () => {
    const byCompliance = checkQuorum(
      OPERATOR_AND_COMPLIANCE,
      say(carla, 'PROPOSE'),
      [],
      contextOf([carla, olivia, omar]),
    );
    expect(codeOf(byCompliance)).toBe('approval.not-eligible');
  });

  it('is refused whole when one approval is not valid, though the others would do', () => {
    const late = say(oskar, 'APPROVE', { expiresAt: '2026-01-01T00:00:00.000Z' });
    expect(decide([say(omar, 'APPROVE'), say(carla, 'APPROVE'), late])).toBe('approval.expired');
  });
});

/** Keys cost time: memberships are drawn from these, and each may stand for any person. */
const POOL = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'].map((id) => makeMember(id, 'operator'));
const people = fc.constantFrom('ann', 'bob', 'cas', 'dee', 'eve');
const membership = fc.record({ person: people, role: fc.constantFrom(...ROLES) });
const GROUPS = ['desk', 'board'];
const NAMES = ['operator', 'compliance', ...GROUPS];
const requirements = fc.uniqueArray(
  fc.record({ group: fc.constantFrom(...NAMES), threshold: fc.integer({ min: 1, max: 2 }) }),
  { minLength: 1, maxLength: 3, selector: ({ group }) => group },
);
const quorums: fc.Arbitrary<Quorum> = fc.record({
  initiators: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }),
  anyOf: fc.array(requirements, { minLength: 1, maxLength: 2 }),
});
/** Members of one firm, some of whom are the same person; the first is the initiator. */
const firms = fc
  .array(membership, { minLength: 1, maxLength: 6 })
  .map((all) => all.map((each, i): TestMember => ({ ...POOL[i]!, ...each })));
const groupings = fc
  .tuple(...GROUPS.map(() => fc.uniqueArray(fc.constantFrom(...POOL.map(({ id }) => id)), { maxLength: 4 })))
  .map((lists): Groups => new Map(lists.map((ids, index) => [GROUPS[index]!, new Set(ids)])));

const inGroup = (member: Member, group: string, groups: Groups): boolean =>
  member.role === group || [...(groups.get(group) ?? [])].includes(member.id);

/** Whether places can be filled, said in another way: by trying each person for the first place, and so on. */
function canFill(places: readonly string[], people: readonly Member[], groups: Groups): boolean {
  const [place, ...others] = places;
  if (place === undefined) return true;
  return people.some(
    (person, index) => inGroup(person, place, groups) && canFill(others, people.toSpliced(index, 1), groups),
  );
}

/** What a quorum means, said in another way: by the people who approved. */
function isMet(quorum: Quorum, initiator: Member, approvers: readonly Member[], groups: Groups): boolean {
  const persons = approvers.map(({ person }) => person);
  return (
    quorum.initiators.some((group) => inGroup(initiator, group, groups)) &&
    new Set([initiator.person, ...persons]).size === persons.length + 1 &&
    approvers.every((each) => quorum.anyOf.flat().some(({ group }) => inGroup(each, group, groups))) &&
    quorum.anyOf.some((all) =>
      canFill(
        all.flatMap(({ group, threshold }) => Array<string>(threshold).fill(group)),
        approvers,
        groups,
      ),
    )
  );
}

/** One member of each person but the initiator whom the quorum asks. */
function allWhoMay({ anyOf }: Quorum, [initiator, ...others]: readonly TestMember[], groups: Groups): TestMember[] {
  const asked = others.filter(
    (each) => each.person !== initiator?.person && anyOf.flat().some(({ group }) => inGroup(each, group, groups)),
  );
  return [...new Map(asked.map((each) => [each.person, each])).values()];
}

describe('any quorum, over any members', () => {
  it('is met exactly by enough different people, none of them the initiator; one rejection ends it', () => {
    const votes = fc.array(
      fc.record({
        voter: fc.nat(5),
        decision: fc.constantFrom<Decision>(...Array<Decision>(9).fill('APPROVE'), 'REJECT'),
      }),
      { maxLength: 5 },
    );
    // few quorums are met by votes that are drawn: half the time it is all who may, in favour
    const drawn = fc.option(votes, { freq: 1 });
    let met = 0;
    fc.assert(
      fc.property(firms, groupings, quorums, drawn, (members, groups, quorum, cast) => {
        const context = contextOf(members, { groups });
        const voters = cast
          ? cast.map((vote) => ({ ...vote, who: members[vote.voter % members.length]! }))
          : allWhoMay(quorum, members, groups).map((who) => ({ who, decision: 'APPROVE' as const }));
        const approvals = voters.map(({ who, decision }) => say(who, decision));
        const proposal = say(members[0]!, 'PROPOSE');
        const expected =
          voters.every(({ decision }) => decision === 'APPROVE') &&
          isMet(
            quorum,
            members[0]!,
            voters.map(({ who }) => who),
            groups,
          );
        expect(checkQuorum(quorum, proposal, approvals, context).ok).toBe(expected);
        expect(checkQuorum(quorum, proposal, approvals.toReversed(), context).ok).toBe(expected);
        if (expected) met += 1;
      }),
      { numRuns: 400 },
    );
    expect(met).toBeGreaterThan(0);
  });

  it('stays met in any order, and never with one approval less than its thresholds', () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }));
    const operators = POOL.slice(0, 4).map((each, i) => ({ ...each, role: 'operator' as const, person: `o${i}` }));
    const officers = POOL.slice(4).map((each, i) => ({ ...each, role: 'compliance' as const, person: `c${i}` }));
    const context = contextOf([...operators, ...officers]);
    const proposal = say(operators[0]!, 'PROPOSE');
    fc.assert(
      fc.property(
        cases.chain(([needOperators, needOfficers]) => {
          const approvers = [...operators.slice(1, 1 + needOperators), ...officers.slice(0, needOfficers)];
          return fc.record({
            anyOf: fc.constant<Quorum['anyOf']>([
              [
                { group: 'operator', threshold: needOperators },
                { group: 'compliance', threshold: needOfficers },
              ],
            ]),
            approvers: fc.shuffledSubarray(approvers, { minLength: approvers.length }),
            without: fc.nat(approvers.length - 1),
          });
        }),
        ({ anyOf, approvers, without }) => {
          const quorum: Quorum = { initiators: ['operator'], anyOf };
          const approvals = approvers.map((who) => say(who, 'APPROVE'));
          expect(checkQuorum(quorum, proposal, approvals, context).ok).toBe(true);
          const fewer = approvals.toSpliced(without, 1);
          expect(codeOf(checkQuorum(quorum, proposal, fewer, context))).toBe('approval.quorum-not-met');
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is reachable exactly when each initiator finds some members who meet it', () => {
    const subsets = (members: readonly Member[]): Member[][] =>
      members.reduce<Member[][]>((sets, member) => [...sets, ...sets.map((set) => [...set, member])], [[]]);
    let reachable = 0;
    fc.assert(
      fc.property(firms, groupings, quorums, (testMembers, groups, quorum) => {
        const members = testMembers.map(publicPart);
        const initiators = members.filter((each) => quorum.initiators.some((group) => inGroup(each, group, groups)));
        const expected =
          initiators.length > 0 &&
          quorum.anyOf.flat().every(({ group }) => members.some((each) => inGroup(each, group, groups))) &&
          initiators.every((initiator) => subsets(members).some((set) => isMet(quorum, initiator, set, groups)));
        expect(checkQuorumReachable('any', quorum, members, groups).ok).toBe(expected);
        if (expected) reachable += 1;
      }),
      { numRuns: 1000 },
    );
    expect(reachable).toBeGreaterThan(0);
  });

  it('is not reachable when one person would have to serve two of its requirements', () => {
    const members = [olivia, omar, { ...carla, person: 'omar' }];
    expect(codeOf(checkQuorumReachable('q', OPERATOR_AND_COMPLIANCE, members, new Map()))).toBe(
      'charter.quorum-unreachable',
    );
  });

  it('is not reachable when it names a group twice, or one that has nobody', () => {
    const members = [olivia, omar, oskar].map(publicPart);
    const reach = (anyOf: Quorum['anyOf']): string =>
      codeOf(checkQuorumReachable('q', { initiators: ['operator'], anyOf }, members, new Map([['desk', new Set()]])));
    const one = { group: 'operator', threshold: 1 };
    expect(reach([[one]])).toBe('accepted');
    expect(reach([[one, one]])).toBe('charter.quorum-unreachable');
    expect(reach([[one], [{ group: 'desk', threshold: 1 }]])).toBe('charter.quorum-unreachable');
    expect(reach([[one], [{ group: 'nowhere', threshold: 1 }]])).toBe('charter.quorum-unreachable');
  });
});

describe('groups', () => {
  const desk = new Map([['desk', new Set(['omar', 'carla'])]]);
  const context = { ...usual, groups: desk };
  const decide = (anyOf: Quorum['anyOf'], approvers: readonly TestMember[]): string => {
    const approvals = approvers.map((who) => say(who, 'APPROVE'));
    return codeOf(checkQuorum({ initiators: ['operator'], anyOf }, say(olivia, 'PROPOSE'), approvals, context));
  };

  it('are met by any one alternative, each person serving one requirement only', () => {
    const operator = { group: 'operator', threshold: 1 };
    const ofDesk = { group: 'desk', threshold: 1 };
    expect(decide([[operator, ofDesk]], [omar])).toBe('approval.quorum-not-met');
    // omar comes first and could serve either: he must not take the place that oskar alone can fill
    expect(decide([[operator, ofDesk]], [omar, oskar])).toBe('accepted');
    expect(decide([[operator, ofDesk]], [oskar, omar])).toBe('accepted');
    expect(
      decide([[{ group: 'compliance', threshold: 1 }], [{ group: 'operator', threshold: 2 }]], [omar, oskar]),
    ).toBe('accepted');
    expect(decide([[{ group: 'desk', threshold: 2 }]], [omar, carla])).toBe('accepted');
    expect(decide([[ofDesk]], [oskar])).toBe('approval.not-eligible');
  });
});

describe('a membership that expires', () => {
  it('counts up to its last instant and not after, for approvers and initiators', () => {
    const until = (expiresAt: string): ApprovalContext => ({
      ...usual,
      members: new Map([...usual.members, ['omar', { ...publicPart(omar), expiresAt }]]),
    });
    expect(codeOf(checkApproval(say(omar, 'APPROVE'), until(AT)))).toBe('accepted');
    expect(codeOf(checkApproval(say(omar, 'APPROVE'), until('2026-01-02T03:04:04.999Z')))).toBe(
      'approval.member-expired',
    );
  });
});

describe('what is read as a member or a quorum', () => {
  it('has no unknown field, no empty key list, no threshold of zero', () => {
    const member = publicPart(olivia);
    expect(memberSchema.parse(member)).toEqual(member);
    expect(memberSchema.safeParse({ ...member, admin: true }).success).toBe(false);
    expect(memberSchema.safeParse({ ...member, keys: [] }).success).toBe(false);
    expect(memberSchema.safeParse({ ...member, role: 'auditor' }).success).toBe(false);
    expect(quorumSchema.parse(OPERATOR_AND_COMPLIANCE)).toEqual(OPERATOR_AND_COMPLIANCE);
    expect(quorumSchema.safeParse({ ...OPERATOR_AND_COMPLIANCE, initiators: [] }).success).toBe(false);
    expect(quorumSchema.safeParse({ initiators: ['operator'], anyOf: [[]] }).success).toBe(false);
    const none = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 0 }]] };
    expect(quorumSchema.safeParse(none).success).toBe(false);
  });
});
