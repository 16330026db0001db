import type { Member, Quorum } from '@bulkhead/approval';
import fc from 'fast-check';
import { CharterBuilder, instant } from '../../../test/support/charter-builder.js';
import { makeMember, publicPart } from '../../../test/support/members.js';
import { SIGNER_RECORDS } from '../../../test/support/wallets.js';
import { applyAct, GOVERNED, type Act, type CharterState } from './index.js';

const AT = instant();
const start = CharterBuilder.start(SIGNER_RECORDS);
const NEW = [makeMember('petra', 'operator'), makeMember('pia', 'compliance'), makeMember('pavel', 'engineer')];
const IDS = [...start.state.members.keys(), ...NEW.map(({ id }) => id)];
const GROUPS = ['desk', 'board'];
const SELECTORS = ['operator', 'compliance', 'engineer', 'attestor', ...GROUPS];

const quorums: fc.Arbitrary<Quorum> = fc.record({
  initiators: fc.uniqueArray(fc.constantFrom(...SELECTORS), { minLength: 1, maxLength: 2 }),
  anyOf: fc.array(
    fc.uniqueArray(fc.record({ group: fc.constantFrom(...SELECTORS), threshold: fc.integer({ min: 1, max: 3 }) }), {
      minLength: 1,
      maxLength: 3,
      selector: ({ group }) => group,
    }),
    { minLength: 1, maxLength: 2 },
  ),
});
const acts: fc.Arbitrary<Act> = fc.oneof(
  fc.constantFrom(...NEW).map((member): Act => ({ kind: 'member.enrol', member: publicPart(member) })),
  fc.constantFrom(...IDS).map((member): Act => ({ kind: 'member.revoke', member })),
  fc
    .tuple(fc.constantFrom(...IDS), fc.constantFrom(AT, null))
    .map(([member, expiresAt]): Act => ({ kind: 'member.renew', member, expiresAt })),
  fc
    .tuple(fc.constantFrom(...GROUPS), fc.uniqueArray(fc.constantFrom(...IDS), { minLength: 1, maxLength: 4 }))
    .map(([id, members]): Act => ({ kind: 'group.set', group: { id, members } })),
  fc.constantFrom(...GROUPS).map((group): Act => ({ kind: 'group.remove', group })),
  fc
    .tuple(fc.constantFrom(...GOVERNED), quorums)
    .map(([governed, quorum]): Act => ({ kind: 'quorum.set', governed, quorum })),
  fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }))
    .map(([fewestApprovers, fewestGroups]): Act => ({
      kind: 'rules.set',
      rules: { ...start.state.rules, fewestApprovers, fewestGroups },
    })),
);

const isIn = (state: CharterState, member: Member, group: string): boolean =>
  member.role === group || (state.groups.get(group)?.has(member.id) ?? false);

/** By trying each person for the first place, and so on. */
function canFill(state: CharterState, places: readonly string[], people: readonly Member[]): boolean {
  const [place, ...others] = places;
  if (place === undefined) return true;
  return people.some(
    (person, index) => isIn(state, person, place) && canFill(state, others, people.toSpliced(index, 1)),
  );
}

/** What must be so of a charter, said in another way than the reducer says it. */
function expectSound(state: CharterState): void {
  const members = [...state.members.values()];
  const lasting = members.filter(({ expiresAt }) => expiresAt === undefined);
  for (const { initiators, anyOf } of Object.values(state.quorums)) {
    const starters = lasting.filter((member) => initiators.some((group) => isIn(state, member, group)));
    expect(starters.length).toBeGreaterThan(0);
    for (const starter of starters) {
      const others = lasting.filter(({ person }) => person !== starter.person);
      const places = anyOf.map((all) => all.flatMap(({ group, threshold }) => Array<string>(threshold).fill(group)));
      expect(places.some((each) => canFill(state, each, others))).toBe(true);
    }
    for (const all of anyOf) {
      expect(all.reduce((sum, { threshold }) => sum + threshold, 0)).toBeGreaterThanOrEqual(
        state.rules.fewestApprovers,
      );
      expect(all.length).toBeGreaterThanOrEqual(state.rules.fewestGroups);
      expect(all.some(({ group }) => members.some((one) => one.role === 'attestor' && isIn(state, one, group)))).toBe(
        false,
      );
    }
  }
  for (const named of state.groups.values()) for (const id of named) expect(state.members.has(id)).toBe(true);
}

describe('any acts, in any order, whoever approved them', () => {
  it('leave every quorum reachable, above the floors, and of known people', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(acts, { minLength: 1, maxLength: 12 }), (sequence) => {
        let { state } = start;
        for (const act of sequence) {
          const next = applyAct(state, act, AT);
          if (!next.ok) continue;
          state = next.value;
          accepted += 1;
          expectSound(state);
        }
      }),
      { numRuns: 300 },
    );
    expect(accepted).toBeGreaterThan(300);
  });
});
