import type { Member, Quorum } from '@bulkhead/approval';
import { applyAct, type Act, type CharterState, type Governed } from '@bulkhead/charter';
import fc from 'fast-check';
import { instant } from '../../../../test/support/charter-builder.js';
import { makeMember, publicPart } from '../../../../test/support/members.js';
import { firmWith } from '../../../../test/support/usual-transfers.js';
import { checkActPolicies } from '../index.js';

const AT = instant();
const NEW = [makeMember('petra', 'operator'), makeMember('pia', 'compliance')];
const NAMED = ['asset.list', 'house.open'] as const;
const start = firmWith();
for (const [id, quorum, condition] of [
  ['large', 'asset.list', 'context.amountMillionths >= 500'],
  ['ether', 'house.open', 'context.symbol == "ETH"'],
] as const) {
  const own = 'context.purpose == Purpose::"PAYMENT" && context.destination.owner == resource.owner';
  const text = `@quorum("${quorum}") permit (principal, action == Action::"transfer", resource) when { ${own} && ${condition} };`;
  start.append({ kind: 'policy.set', id, text, owner: null, wallet: null });
}
start.append({ kind: 'group.set', group: { id: 'board', members: ['carla', 'erika', 'oskar'] } });

/** What decides each kind of payment, as the texts above say: small or large, bitcoin or ether. */
const JOINS: readonly (readonly Governed[])[] = [
  ['transfer.PAYMENT'],
  ['transfer.PAYMENT', 'asset.list'],
  ['transfer.PAYMENT', 'house.open'],
  ['transfer.PAYMENT', 'asset.list', 'house.open'],
];

const SELECTORS = ['operator', 'compliance', 'board'];
const IDS = [...start.state.members.keys(), ...NEW.map(({ id }) => id)];
const quorums: fc.Arbitrary<Quorum> = fc.record({
  initiators: fc.uniqueArray(fc.constantFrom(...SELECTORS), { minLength: 1, maxLength: 2 }),
  anyOf: fc.array(
    fc.uniqueArray(fc.record({ group: fc.constantFrom(...SELECTORS), threshold: fc.integer({ min: 1, max: 2 }) }), {
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
    .uniqueArray(fc.constantFrom(...IDS), { minLength: 1, maxLength: 4 })
    .map((members): Act => ({ kind: 'group.set', group: { id: 'board', members } })),
  fc
    .tuple(fc.constantFrom(...NAMED), quorums)
    .map(([governed, quorum]): Act => ({ kind: 'quorum.set', governed, quorum })),
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

/** One alternative of each quorum, in every way; of each group the largest threshold. */
function alternatives([first, ...others]: readonly Quorum[]): ReadonlyMap<string, number>[] {
  if (!first) return [new Map()];
  return alternatives(others).flatMap((below) =>
    first.anyOf.map((all) => {
      const both = new Map(below);
      for (const { group, threshold } of all) both.set(group, Math.max(threshold, both.get(group) ?? 0));
      return both;
    }),
  );
}

/** Whether some who may start all of these find the others, whoever of them starts. */
function canBeMet(state: CharterState, names: readonly Governed[]): boolean {
  const joined = names.map((name) => state.quorums[name]!);
  const lasting = [...state.members.values()].filter(({ expiresAt }) => expiresAt === undefined);
  const starters = lasting.filter((member) =>
    SELECTORS.some(
      (group) => isIn(state, member, group) && joined.every(({ initiators }) => initiators.includes(group)),
    ),
  );
  const places = alternatives(joined).map((all) =>
    [...all].flatMap(([group, threshold]) => Array<string>(threshold).fill(group)),
  );
  const isMetBy = ({ id }: Member): boolean =>
    places.some((each) =>
      canFill(
        state,
        each,
        lasting.filter((member) => member.id !== id),
      ),
    );
  return starters.length > 0 && starters.every(isMetBy);
}

it('no acts that every replica takes leave a payment, which policies permit, to quorums that cannot be met', () => {
  const tally = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(acts, { minLength: 1, maxLength: 8 }), (sequence) => {
      let { state } = start;
      for (const act of sequence) {
        const next = applyAct(state, act, AT);
        if (!next.ok) continue;
        const checked = checkActPolicies(state, act, AT);
        tally[checked.ok ? 'accepted' : 'refused'] += 1;
        if (!checked.ok) continue;
        state = next.value;
        for (const join of JOINS) expect([act, join, canBeMet(state, join)]).toEqual([act, join, true]);
      }
    }),
    { numRuns: 150 },
  );
  expect(tally.accepted).toBeGreaterThan(100);
  expect(tally.refused).toBeGreaterThan(20);
}, 120_000);
