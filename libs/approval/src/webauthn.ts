import { createHash } from 'node:crypto';
import { accepted, refused, type Digest, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import { base64urlSchema, type WebauthnKey } from './member-key.js';
import { verifiesP256 } from './p256.js';

/** What a browser gives back of `navigator.credentials.get`, as far as it is signed. All in base64url. */
export const assertionSchema = z.strictObject({
  scheme: z.literal('webauthn'),
  credentialId: base64urlSchema.max(1364),
  authenticatorData: base64urlSchema.max(2_000),
  /** UTF-8 JSON, as the browser wrote it: its very bytes are signed. */
  clientDataJSON: base64urlSchema.max(4_000),
  /** ECDSA in ASN.1 DER. */
  signature: base64urlSchema.max(200),
});
export type Assertion = z.infer<typeof assertionSchema>;

/** Of client data (WebAuthn, 5.8.1) only what is decided on; a browser may add members to it. */
const clientDataSchema = z.looseObject({
  type: z.string(),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
  topOrigin: z.string().optional(),
});

/** Bits of the flags in authenticator data (WebAuthn, 6.1). */
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const BACKUP_ELIGIBLE = 0x08;
const BACKED_UP = 0x10;
const HAS_CREDENTIAL_DATA = 0x40;
const HAS_EXTENSIONS = 0x80;
/** SHA-256 of the RP id, flags, signature counter. */
const FIXED_BYTES = 37;

export interface AuthenticatorData {
  readonly rpIdHash: Buffer;
  readonly flags: number;
  /** 0 where the authenticator keeps no counter. */
  readonly signCount: number;
}

/** Reads the fixed part of authenticator data (WebAuthn, 6.1); undefined when it is cut short. */
export function readAuthenticatorData(bytes: Buffer): AuthenticatorData | undefined {
  if (bytes.length < FIXED_BYTES) return undefined;
  return { rpIdHash: bytes.subarray(0, 32), flags: bytes.readUInt8(32), signCount: bytes.readUInt32BE(33) };
}

/** The signature counter that an assertion carries; 0 where it carries none. */
export const signCountOf = ({ authenticatorData }: Assertion): number =>
  readAuthenticatorData(Buffer.from(authenticatorData, 'base64url'))?.signCount ?? 0;

/**
 * Verifies an assertion offline (WebAuthn Level 3, 7.2, steps 5 to 21): this credential, on a page of this relying
 * party, by a user who was present and verified, over this challenge. The counter (step 22) needs a memory and is left
 * to who has one.
 */
export function verifyAssertion(key: WebauthnKey, challenge: Digest, assertion: Assertion): Result<true> {
  if (assertion.credentialId !== key.credentialId) return mismatch(key, 'credential');
  const clientData = Buffer.from(assertion.clientDataJSON, 'base64url');
  const onThisPage = checkClientData(key, challenge, clientData);
  if (!onThisPage.ok) return onThisPage;
  const data = Buffer.from(assertion.authenticatorData, 'base64url');
  const byItsUser = checkAuthenticatorData(key, data);
  if (!byItsUser.ok) return byItsUser;
  const signed = Buffer.concat([data, sha256(clientData)]);
  return verifiesP256(key.publicKey, signed, Buffer.from(assertion.signature, 'base64url'), 'der')
    ? accepted(true)
    : refused('approval.bad-signature', 'The passkey has not signed this.', { key: key.id });
}

function checkClientData(key: WebauthnKey, challenge: Digest, bytes: Buffer): Result<true> {
  const clientData = clientDataSchema.safeParse(parseJson(bytes));
  if (!clientData.success) return mismatch(key, 'clientDataJSON');
  const { type, challenge: signed, origin, crossOrigin, topOrigin } = clientData.data;
  if (type !== 'webauthn.get') return mismatch(key, 'type');
  if (signed !== Buffer.from(challenge, 'hex').toString('base64url')) return mismatch(key, 'challenge');
  // in a frame of another page the member cannot see whose page asks
  if (!key.origins.includes(origin) || crossOrigin === true || topOrigin !== undefined) return mismatch(key, 'origin');
  return accepted(true);
}

function checkAuthenticatorData(key: WebauthnKey, bytes: Buffer): Result<true> {
  const data = readAuthenticatorData(bytes);
  if (!data) return mismatch(key, 'authenticatorData');
  const has = (flag: number): boolean => (data.flags & flag) !== 0;
  if (!data.rpIdHash.equals(sha256(Buffer.from(key.rpId, 'utf8')))) return mismatch(key, 'rpId');
  if (!has(USER_PRESENT) || !has(USER_VERIFIED)) {
    return refused('approval.user-not-verified', 'The authenticator has not verified its user.', { key: key.id });
  }
  // an assertion has no credential data, and nothing behind the counter but extensions; nothing is backed up that may not be
  const shape = has(HAS_EXTENSIONS) ? bytes.length > FIXED_BYTES : bytes.length === FIXED_BYTES;
  if (!shape || has(HAS_CREDENTIAL_DATA) || (has(BACKED_UP) && !has(BACKUP_ELIGIBLE))) {
    return mismatch(key, 'authenticatorData');
  }
  return accepted(true);
}

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

const mismatch = (key: WebauthnKey, problem: string): Result<never> =>
  refused('approval.assertion-mismatch', 'The passkey was used for something else, or somewhere else.', {
    key: key.id,
    problem,
  });
