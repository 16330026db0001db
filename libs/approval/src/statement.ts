import { sign } from 'node:crypto';
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
import { verifiesEd25519 } from './ed25519.js';
import type { MemberKey } from './member-key.js';
import { verifiesP256 } from './p256.js';
import { keyObjectOfPrivate, type PrivateKey } from './private-key.js';
import { assertionSchema, verifyAssertion } from './webauthn.js';

/**
 * PROPOSE is the initiator's own signature; it opens an intent and never counts towards a quorum. WITHDRAW takes back
 * the member's own APPROVE, for good.
 */
export const DECISIONS = ['PROPOSE', 'APPROVE', 'REJECT', 'WITHDRAW'] as const;
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

/** 64 bytes in hex. */
const signatureSchema = z.string().regex(/^[0-9a-f]{128}$/);

/** A signed statement. Its scheme must be that of the key which the statement names. */
export const approvalSchema = z.strictObject({
  statement: statementSchema,
  signature: z.discriminatedUnion('scheme', [
    /** r || s (IEEE P1363), ECDSA with SHA-256 over the 32 bytes of the challenge. */
    z.strictObject({ scheme: z.literal('p256'), value: signatureSchema }),
    /** R || S (RFC 8032, 5.1.6) over the 32 bytes of the challenge. */
    z.strictObject({ scheme: z.literal('ed25519'), value: signatureSchema }),
    /** An assertion whose challenge is the same 32 bytes. */
    assertionSchema,
  ]),
});
export type Approval = z.infer<typeof approvalSchema>;
/** What a key that lies in a file signs, as against one in an authenticator. */
export type MachineApproval = Approval & { readonly signature: { readonly scheme: 'p256' | 'ed25519' } };

/** The 32 bytes that a member's key signs. */
export const approvalChallenge = (statement: Statement): Digest => digestJson('bulkhead/approval/v1', statement);

/**
 * Signs a statement with a member's P-256 or Ed25519 key: what a member's own device does, never a Bulkhead
 * server. Throws for a key of another kind.
 */
export function signStatement(statement: Statement, privateKey: PrivateKey): MachineApproval {
  const challenge = Buffer.from(approvalChallenge(statement), 'hex');
  const key = keyObjectOfPrivate(privateKey);
  if (key.asymmetricKeyType === 'ec') {
    const value = sign('sha256', challenge, { key, dsaEncoding: 'ieee-p1363' }).toString('hex');
    return { statement, signature: { scheme: 'p256', value } };
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('a member’s key is of P-256 or Ed25519');
  return { statement, signature: { scheme: 'ed25519', value: sign(null, challenge, key).toString('hex') } };
}

/** Checks the signature alone: that this key signed exactly this statement, in the key's own scheme. */
export function verifySignature({ statement, signature }: Approval, key: MemberKey): Result<Statement> {
  const challenge = approvalChallenge(statement);
  if (signature.scheme === 'webauthn' && key.scheme === 'webauthn') {
    const verified = verifyAssertion(key, challenge, signature);
    return verified.ok ? accepted(statement) : verified;
  }
  const facts = { member: statement.member, key: key.id };
  if (signature.scheme === 'webauthn' || key.scheme === 'webauthn' || signature.scheme !== key.scheme) {
    return refused('approval.scheme-mismatch', 'The key signs in another way than this approval is signed.', {
      ...facts,
      expected: key.scheme,
      given: signature.scheme,
    });
  }
  const message = Buffer.from(challenge, 'hex');
  const bytes = Buffer.from(signature.value, 'hex');
  const good =
    key.scheme === 'p256'
      ? verifiesP256(key.publicKey, message, bytes, 'ieee-p1363')
      : verifiesEd25519(key.publicKey, message, bytes);
  return good
    ? accepted(statement)
    : refused('approval.bad-signature', 'The signature is not by this key over this statement.', facts);
}
