import { generateKeyPairSync } from 'node:crypto';
import { p256PublicKey, signStatement, type Approval, type Decision, type Member, type Role } from '@bulkhead/approval';
import type { Digest } from '@bulkhead/intent';

export const HOUR_MS = 3_600_000;

/** `offsetMs` from now, in the one form that instants have. */
export const instant = (offsetMs = 0): string => new Date(Date.now() + offsetMs).toISOString();

/** A member with the private key that in life only the member's own device has. */
export interface TestMember extends Member {
  readonly privateKeyPem: string;
}

/** A member with a fresh P-256 key `<id>-1`; the person is the member's own unless given. */
export function makeMember(id: string, role: Role, person = id): TestMember {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const key = { id: `${id}-1`, scheme: 'p256' as const, publicKey: p256PublicKey(privateKeyPem) };
  return { id, person, name: id, role, keys: [key], privateKeyPem };
}

export interface TestMembers {
  readonly olivia: TestMember;
  readonly omar: TestMember;
  readonly oskar: TestMember;
  readonly carla: TestMember;
  readonly erika: TestMember;
}

/** Three operators, a compliance officer and an engineer, as in the story. */
export const makeMembers = (): TestMembers => ({
  olivia: makeMember('olivia', 'operator'),
  omar: makeMember('omar', 'operator'),
  oskar: makeMember('oskar', 'operator'),
  carla: makeMember('carla', 'compliance'),
  erika: makeMember('erika', 'engineer'),
});

/** The same member with another device in hand: its key is the only one that is named here. */
export const withDevice = (member: TestMember, keyId: string): TestMember => {
  const { keys, privateKeyPem } = makeMember(member.id, member.role);
  return { ...member, keys: keys.map((key) => ({ ...key, id: keyId })), privateKeyPem };
};

/** What the charter knows of a member. */
export const publicPart = ({ id, person, name, role, keys }: TestMember): Member => ({ id, person, name, role, keys });

export interface StatementTerms {
  readonly firm: Digest;
  readonly intent: Digest;
  readonly payload: Digest;
  readonly charterSequence: number;
  readonly expiresAt?: string | undefined;
}

/** What a member's device makes, with the first key of the member, when the member says yes, no, or "I propose". */
export const say = (member: TestMember, decision: Decision, terms: StatementTerms): Approval =>
  signStatement(
    {
      v: 1,
      decision,
      firm: terms.firm,
      intent: terms.intent,
      payload: terms.payload,
      charterSequence: terms.charterSequence,
      member: member.id,
      key: member.keys[0]?.id ?? '',
      expiresAt: terms.expiresAt ?? instant(HOUR_MS),
    },
    member.privateKeyPem,
  );
