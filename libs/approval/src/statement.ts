import { createPrivateKey, createPublicKey, ECDH, sign, verify, type KeyObject } from 'node:crypto';
import {
  accepted,
  digestJson,
  digestSchema,
  instantSchema,
  refused,
  slugSchema,
  type Digest,
  type Result,
} from '@bulkhead/intent';
import { z } from 'zod';

/** PROPOSE is the initiator's own signature; it opens an intent and never counts towards a quorum. */
export const DECISIONS = ['PROPOSE', 'APPROVE', 'REJECT'] as const;
export type Decision = (typeof DECISIONS)[number];

/** What a member says about one intent and the exact bytes it led to. */
export const statementSchema = z.strictObject({
  v: z.literal(1),
  decision: z.enum(DECISIONS),
  firm: digestSchema,
  intent: digestSchema,
  /** Digest of the payload; for a charter intent and for PROPOSE, the intent's own digest. */
  payload: digestSchema,
  /** The firm chain's sequence that the member had seen. */
  charterSequence: z.int().min(0),
  member: slugSchema,
  key: slugSchema,
  expiresAt: instantSchema,
});
export type Statement = z.infer<typeof statementSchema>;

/** A signed statement. `scheme` leaves the door open for WebAuthn assertions, whose challenge is the same digest. */
export const approvalSchema = z.strictObject({
  statement: statementSchema,
  signature: z.strictObject({
    scheme: z.literal('p256'),
    /** r || s, 64 bytes in hex (IEEE P1363), ECDSA with SHA-256 over the 32 bytes of the challenge. */
    value: z.string().regex(/^[0-9a-f]{128}$/),
  }),
});
export type Approval = z.infer<typeof approvalSchema>;

/** A member's approval key: a compressed P-256 point, 33 bytes in hex (SEC 1, 2.3.3). */
export const memberKeySchema = z.strictObject({
  id: slugSchema,
  scheme: z.literal('p256'),
  publicKey: z.string().regex(/^0[23][0-9a-f]{64}$/),
});
export type MemberKey = z.infer<typeof memberKeySchema>;

/** The 32 bytes that a member's key signs. */
export const approvalChallenge = (statement: Statement): Digest => digestJson('bulkhead/approval/v1', statement);

const keyObjects = new Map<string, KeyObject>();

/** Throws when the point is not on the curve. */
function keyObjectOf(publicKey: string): KeyObject {
  const known = keyObjects.get(publicKey);
  if (known) return known;
  const point = ECDH.convertKey(publicKey, 'prime256v1', 'hex', undefined, 'uncompressed') as Buffer;
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33, 65).toString('base64url'),
    },
  });
  if (keyObjects.size > 10_000) keyObjects.clear();
  keyObjects.set(publicKey, key);
  return key;
}

/** True for a compressed point that lies on P-256. */
export function isP256Key(publicKey: string): boolean {
  try {
    keyObjectOf(publicKey);
    return true;
  } catch {
    return false;
  }
}

/** The compressed public key (hex) of a P-256 private key in PEM. Throws when it is not such a key. */
export function p256PublicKey(privateKeyPem: string): string {
  const jwk = createPublicKey(createPrivateKey(privateKeyPem)).export({ format: 'jwk' });
  if (jwk.crv !== 'P-256' || !jwk.x || !jwk.y) throw new Error('not a P-256 key');
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(jwk.x, 'base64url'), Buffer.from(jwk.y, 'base64url')]);
  return ECDH.convertKey(point, 'prime256v1', undefined, 'hex', 'compressed') as string;
}

/** Signs a statement with a member's P-256 key in PEM: what a member's own device does, never a Bulkhead server. */
export function signStatement(statement: Statement, privateKeyPem: string): Approval {
  const challenge = Buffer.from(approvalChallenge(statement), 'hex');
  const value = sign('sha256', challenge, { key: privateKeyPem, dsaEncoding: 'ieee-p1363' }).toString('hex');
  return { statement, signature: { scheme: 'p256', value } };
}

/** Checks the signature alone: that this key signed exactly this statement. */
export function verifySignature(approval: Approval, key: MemberKey): Result<Statement> {
  const challenge = Buffer.from(approvalChallenge(approval.statement), 'hex');
  const signature = Buffer.from(approval.signature.value, 'hex');
  const good =
    isP256Key(key.publicKey) &&
    verify('sha256', challenge, { key: keyObjectOf(key.publicKey), dsaEncoding: 'ieee-p1363' }, signature);
  return good
    ? accepted(approval.statement)
    : refused('approval.bad-signature', 'The signature is not by this key over this statement.', {
        member: approval.statement.member,
        key: key.id,
      });
}
