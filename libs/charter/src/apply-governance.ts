import type { Member } from '@bulkhead/approval';
import { accepted, refused, type Result } from '@bulkhead/intent';
import type { Act } from './acts.js';
import { scopeKey } from './freezes.js';
import { checkConstitution } from './soundness.js';
import type { CharterState } from './state.js';

type ActOf<K extends Act['kind']> = Extract<Act, { kind: K }>;

export function enrolMember(state: CharterState, { member }: ActOf<'member.enrol'>): Result<CharterState> {
  if (state.retired.has(memberMark(member.id)) || state.members.has(member.id)) {
    return refused('charter.id-taken', 'A member’s id is never used again.', { member: member.id });
  }
  return withMembers(state, [...state.members.values(), member], []);
}

export function revokeMember(state: CharterState, { member: id }: ActOf<'member.revoke'>): Result<CharterState> {
  const member = state.members.get(id);
  if (!member) return refused('approval.unknown-member', 'No such member in the charter.', { member: id });
  const others = [...state.members.values()].filter((one) => one.id !== id);
  return withMembers(state, others, [memberMark(id), ...member.keys.map((key) => keyMark(key.publicKey))]);
}

export function renewMember(state: CharterState, act: ActOf<'member.renew'>): Result<CharterState> {
  const member = state.members.get(act.member);
  if (!member) return refused('approval.unknown-member', 'No such member in the charter.', { member: act.member });
  const { id, person, name, role, keys } = member;
  const lasting: Member = { id, person, name, role, keys };
  const renewed = act.expiresAt === null ? lasting : { ...lasting, expiresAt: act.expiresAt };
  return withMembers(state, replaced(state, renewed), []);
}

export function setGroup(state: CharterState, { group }: ActOf<'group.set'>): Result<CharterState> {
  return checked({ ...state, groups: new Map(state.groups).set(group.id, new Set(group.members)) });
}

export function removeGroup(state: CharterState, { group }: ActOf<'group.remove'>): Result<CharterState> {
  const groups = new Map(state.groups);
  if (!groups.delete(group)) return refused('charter.unknown-group', 'No such group in the charter.', { group });
  const named = Object.values(state.quorums).some(
    ({ initiators, anyOf }) => initiators.includes(group) || anyOf.flat().some((one) => one.group === group),
  );
  return named
    ? refused('charter.unknown-group', 'A quorum names this group: set that quorum anew first.', { group })
    : checked({ ...state, groups });
}

export function enrolKey(state: CharterState, { member: id, key }: ActOf<'member-key.enrol'>): Result<CharterState> {
  const member = state.members.get(id);
  if (!member) return refused('approval.unknown-member', 'No such member in the charter.', { member: id });
  return withMembers(state, replaced(state, { ...member, keys: [...member.keys, key] }), []);
}

export function revokeKey(state: CharterState, { member: id, key }: ActOf<'member-key.revoke'>): Result<CharterState> {
  const member = state.members.get(id);
  if (!member) return refused('approval.unknown-member', 'No such member in the charter.', { member: id });
  const revoked = member.keys.find((one) => one.id === key);
  if (!revoked) return refused('approval.unknown-key', 'The member has no such key.', { member: id, key });
  const keys = member.keys.filter((one) => one.id !== key);
  if (keys.length === 0) {
    return refused('charter.quorum-unreachable', 'A member’s last key is revoked by revoking the member.', {
      member: id,
    });
  }
  return withMembers(state, replaced(state, { ...member, keys }), [keyMark(revoked.publicKey)]);
}

export function setQuorum(state: CharterState, { governed, quorum }: ActOf<'quorum.set'>): Result<CharterState> {
  return checked({ ...state, quorums: { ...state.quorums, [governed]: quorum } });
}

export const setLimits = (state: CharterState, { limits }: ActOf<'limits.set'>): Result<CharterState> =>
  checked({ ...state, limits });

export const setRules = (state: CharterState, { rules }: ActOf<'rules.set'>): Result<CharterState> =>
  checked({ ...state, rules });

export function freeze(state: CharterState, { scope, reason }: ActOf<'freeze'>): Result<CharterState> {
  const key = scopeKey(state, scope);
  if (!key.ok) return key;
  return accepted({ ...state, frozen: state.frozen.set(key.value, reason) });
}

export function unfreeze(state: CharterState, { scope }: ActOf<'unfreeze'>): Result<CharterState> {
  const key = scopeKey(state, scope);
  if (!key.ok) return key;
  return state.frozen.has(key.value)
    ? accepted({ ...state, frozen: state.frozen.delete(key.value) })
    : refused('charter.not-frozen', 'It is not frozen.', { scope: key.value });
}

const memberMark = (id: string): string => `member:${id}`;
const keyMark = (publicKey: string): string => `key:${publicKey}`;

const replaced = (state: CharterState, member: Member): Member[] =>
  [...state.members.values()].map((one) => (one.id === member.id ? member : one));

/** A key or id that was revoked never comes back, not even by another member; nobody who is gone stays in a group. */
function withMembers(state: CharterState, members: readonly Member[], marks: readonly string[]): Result<CharterState> {
  const returned = members.flatMap((member) => member.keys).find((key) => state.retired.has(keyMark(key.publicKey)));
  if (returned) return refused('charter.id-taken', 'A revoked key never comes back.', { key: returned.id });
  const ids = new Set(members.map(({ id }) => id));
  const groups = [...state.groups].map(([id, named]): [string, ReadonlySet<string>] => [
    id,
    new Set([...named].filter((member) => ids.has(member))),
  ]);
  if (ids.size !== members.length) return refused('charter.id-taken', 'Members are each named once.');
  return checked({
    ...state,
    members: new Map(members.map((member) => [member.id, member])),
    groups: new Map(groups),
    retired: state.retired.concat(marks),
  });
}

function checked(state: CharterState): Result<CharterState> {
  const sound = checkConstitution(state.genesis, state);
  return sound.ok ? accepted(state) : sound;
}
