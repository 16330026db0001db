import { instantSchema, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { isEd25519Key } from './ed25519.js';
import { isP256Key } from './p256.js';

/** Bytes in base64url without padding (RFC 4648, 5), in their one spelling. */
export const base64urlSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/)
  .refine((text) => Buffer.from(text, 'base64url').toString('base64url') === text, 'not canonical base64url');

/** A compressed P-256 point, 33 bytes in hex (SEC 1, 2.3.3). */
const p256KeySchema = z.string().regex(/^0[23][0-9a-f]{64}$/);

const keyCommon = {
  id: slugSchema,
  /** After this instant the key decides nothing, whenever it signed; without it the key lasts until it is revoked. */
  expiresAt: instantSchema.optional(),
};

/** Scheme and host, and a port where it is not the scheme's own: as a browser writes it into client data. */
const originSchema = z
  .string()
  .max(300)
  .refine((text) => URL.canParse(text) && new URL(text).origin === text && /^https?:/.test(text), 'not a web origin');

/** A passkey: a P-256 credential of an authenticator that verifies its user before it signs (WebAuthn Level 3). */
export const webauthnKeySchema = z.strictObject({
  ...keyCommon,
  scheme: z.literal('webauthn'),
  /** 16 to 1023 bytes (WebAuthn, 4, "credential ID"). */
  credentialId: base64urlSchema.min(22).max(1364),
  publicKey: p256KeySchema,
  /** The domain that the credential is bound to. */
  rpId: z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/),
  /** The pages on which it may be used. */
  origins: z.array(originSchema).min(1).max(8),
  userVerification: z.literal('required'),
});
export type WebauthnKey = z.infer<typeof webauthnKeySchema>;

/** A member's approval key: of a machine (`p256`, `ed25519`) or a passkey of a person (`webauthn`). */
export const memberKeySchema = z.discriminatedUnion('scheme', [
  z.strictObject({ ...keyCommon, scheme: z.literal('p256'), publicKey: p256KeySchema }),
  /** 32 bytes in hex (RFC 8032, 5.1.5). */
  z.strictObject({ ...keyCommon, scheme: z.literal('ed25519'), publicKey: z.string().regex(/^[0-9a-f]{64}$/) }),
  webauthnKeySchema,
]);
export type MemberKey = z.infer<typeof memberKeySchema>;

/** Whether the public key is one that only its holder can sign for: a point of its curve, and not a degenerate one. */
export function isSoundKey(key: MemberKey): boolean {
  switch (key.scheme) {
    case 'p256':
    case 'webauthn':
      return isP256Key(key.publicKey);
    case 'ed25519':
      return isEd25519Key(key.publicKey);
  }
}

/** True when the key decides nothing at this instant (RFC 3339, the one form of `instantSchema`). */
export const hasExpired = ({ expiresAt }: MemberKey, at: string): boolean => expiresAt !== undefined && expiresAt < at;
