import { generateKeyPairSync } from 'node:crypto';
import {
  p256PublicKey,
  signStatement,
  type Approval,
  type Decision,
  type Member,
  type Role,
  type Statement,
} from '@bulkhead/approval';
import { ZERO_DIGEST, type Digest } from '@bulkhead/intent';

/** A member with the private key that only the member has. */
export interface TestMember {
  readonly member: Member;
  readonly privateKeyPem: string;
}

/** A member with one fresh P-256 key, `<id>-key`. */
export function makeMember(id: string, role: Role, person = id): TestMember {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const keys = [{ id: `${id}-key`, scheme: 'p256' as const, publicKey: p256PublicKey(privateKeyPem) }];
  return { member: { id, person, name: id, role, keys }, privateKeyPem };
}

/** Long past every test, so that the real clock may be used too. */
export const FAR_FUTURE = '2099-12-31T23:59:59.000Z';

/** What a statement is about; all of it is signed. */
export interface StatementSubject {
  readonly decision: Decision;
  readonly firm?: Digest;
  readonly intent: Digest;
  /** Default: the intent, as for PROPOSE and for charter intents. */
  readonly payload?: Digest;
  readonly charterSequence: number;
  readonly expiresAt?: string;
}

/** A member's signed statement. */
export function stateAs({ member, privateKeyPem }: TestMember, subject: StatementSubject): Approval {
  const statement: Statement = {
    v: 1,
    decision: subject.decision,
    firm: subject.firm ?? ZERO_DIGEST,
    intent: subject.intent,
    payload: subject.payload ?? subject.intent,
    charterSequence: subject.charterSequence,
    member: member.id,
    key: member.keys[0]!.id,
    expiresAt: subject.expiresAt ?? FAR_FUTURE,
  };
  return signStatement(statement, privateKeyPem);
}
