import { generateRegistrationOptions } from '@simplewebauthn/server';
import type { MemberKey } from '@bulkhead/approval';
import type { PasskeysConfig } from '../config.js';

/** COSE algorithm ES256 (RFC 9053, 2.1): the one that signers verify. */
export const ES256 = -7;
/** A person has to find the device, and use it. */
export const CHALLENGE_LIFE_MS = 5 * 60_000;

/** What `navigator.credentials.create` is called with (WebAuthn Level 3, 5.1.8), its challenge fresh and random. */
export interface RegistrationOptions {
  readonly challenge: string;
  readonly rp: { readonly id: string; readonly name: string };
  readonly user: { readonly id: string; readonly name: string; readonly displayName: string };
  readonly pubKeyCredParams: { readonly type: 'public-key'; readonly alg: number }[];
  readonly timeout: number;
  readonly attestation: 'direct';
  readonly excludeCredentials: { readonly type: 'public-key'; readonly id: string }[];
  readonly authenticatorSelection: { readonly residentKey: 'preferred'; readonly userVerification: 'required' };
}

/** Options for one member's new passkey; authenticators that hold one of the member's passkeys already are left out. */
export async function registrationOptions(
  { rpId, rpName }: PasskeysConfig,
  member: { readonly id: string; readonly name: string; readonly keys: readonly MemberKey[] },
): Promise<RegistrationOptions> {
  const held = member.keys.flatMap((key) => (key.scheme === 'webauthn' ? [key.credentialId] : []));
  const { challenge, user } = await generateRegistrationOptions({
    rpName,
    rpID: rpId,
    userID: Uint8Array.from(Buffer.from(member.id, 'utf8')),
    userName: member.id,
    userDisplayName: member.name,
  });
  return {
    challenge,
    rp: { id: rpId, name: rpName },
    user,
    pubKeyCredParams: [{ type: 'public-key', alg: ES256 }],
    timeout: CHALLENGE_LIFE_MS,
    attestation: 'direct',
    excludeCredentials: held.map((id) => ({ type: 'public-key', id })),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
  };
}
