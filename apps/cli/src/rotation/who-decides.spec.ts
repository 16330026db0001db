import type { Member, Quorum } from '@bulkhead/approval';
import { makeMember, publicPart } from '../../../../test/support/members.js';
import { approversOf, initiatorOf, othersHere } from './who-decides.js';

const people: readonly Member[] = [
  makeMember('olivia', 'operator'),
  makeMember('omar', 'operator'),
  makeMember('oskar', 'operator'),
  makeMember('carla', 'compliance'),
  makeMember('erika', 'engineer'),
  makeMember('omar-too', 'compliance', 'omar'),
].map(publicPart);
const state = {
  members: new Map(people.map((member) => [member.id, member])),
  groups: new Map([['board', new Set(['erika', 'oskar'])]]),
};
const all = people.map(({ id }) => id);
const quorum: Quorum = {
  initiators: ['engineer', 'board'],
  anyOf: [
    [
      { group: 'operator', threshold: 1 },
      { group: 'compliance', threshold: 1 },
    ],
    [{ group: 'board', threshold: 2 }],
  ],
};
const ids = (members: readonly Member[]): string[] => members.map(({ id }) => id);

describe('who decides, of those who are here', () => {
  it('starts it by the first who may, by role or by group', () => {
    expect(initiatorOf(state, quorum, all)).toBe('oskar');
    expect(initiatorOf(state, quorum, ['olivia', 'erika'])).toBe('erika');
    expect(() => initiatorOf(state, quorum, ['olivia', 'nobody'])).toThrow(/engineer or board may/);
  });

  it('asks each natural person once, and nobody who has spoken', () => {
    expect(ids(othersHere(state, all, ['erika']))).toEqual(['olivia', 'omar', 'oskar', 'carla']);
    expect(ids(othersHere(state, all, ['omar-too', 'carla']))).toEqual(['olivia', 'oskar', 'erika']);
    expect(ids(othersHere(state, ['omar-too', 'omar'], []))).toEqual(['omar-too']);
  });

  it('asks those first whom the first alternative needs, then the others who may, then no one', () => {
    const others = othersHere(state, all, ['erika']);
    expect(ids(approversOf(quorum, others, state))).toEqual(['olivia', 'carla', 'omar', 'oskar']);
    const operators: Quorum = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 2 }]] };
    expect(ids(approversOf(operators, othersHere(state, all, ['omar']), state))).toEqual(['olivia', 'oskar']);
  });
});
