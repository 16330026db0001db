import { isIn, mayInitiate, type Member, type Quorum } from '@bulkhead/approval';
import type { CharterState } from '@bulkhead/charter';
import { Failure } from '../stack/index.js';

type People = Pick<CharterState, 'members' | 'groups'>;

/**
 * The first of those who are here who may start what a quorum decides.
 *
 * @param here ids of members
 * @throws Failure when there is nobody
 */
export function initiatorOf({ members, groups }: People, quorum: Quorum, here: readonly string[]): string {
  const found = here.find((id) => {
    const member = members.get(id);
    return member !== undefined && mayInitiate(quorum, member, groups);
  });
  if (found !== undefined) return found;
  throw new Failure(`Nobody whose device is here may start this: ${quorum.initiators.join(' or ')} may.`);
}

/** Those who are here, one member for each natural person, without the people of whom `spoken` names a membership. */
export function othersHere({ members }: People, here: readonly string[], spoken: readonly string[]): Member[] {
  const silent = new Map<string, Member>();
  const people = new Set(spoken.map((id) => members.get(id)?.person));
  for (const member of here.flatMap((id) => members.get(id) ?? [])) {
    if (!people.has(member.person) && !silent.has(member.person)) silent.set(member.person, member);
  }
  return [...silent.values()];
}

/**
 * Those who may approve by a quorum, in the order in which they are asked: first as many as its first alternative wants,
 * so that nobody says yes who is not needed.
 */
export function approversOf(
  { anyOf }: Quorum,
  others: readonly Member[],
  { groups }: Pick<People, 'groups'>,
): Member[] {
  const first = new Set<Member>();
  for (const { group, threshold } of anyOf[0] ?? []) {
    const free = others.filter((member) => !first.has(member) && isIn(member, group, groups));
    for (const member of free.slice(0, threshold)) first.add(member);
  }
  const eligible = others.filter((member) => anyOf.flat().some(({ group }) => isIn(member, group, groups)));
  return [...new Set([...first, ...eligible])];
}
