import { verifyRegistrationResponse, type RegistrationResponseJSON } from '@simplewebauthn/server';
import { cose, decodeAttestationObject, decodeCredentialPublicKey } from '@simplewebauthn/server/helpers';
import { compressedPoint, webauthnKeySchema, type WebauthnKey } from '@bulkhead/approval';
import { accepted, refused, type Result } from '@bulkhead/intent';
import type { PasskeysConfig } from '../config.js';
import { ES256 } from './registration-options.js';

export interface VerifiedPasskey {
  readonly key: WebauthnKey;
  readonly signCount: number;
  readonly attestation: {
    readonly format: string;
    readonly aaguid: string;
    readonly object: Uint8Array;
    /** DER in base64, the authenticator's own first; empty when it attests itself or not at all. */
    readonly certificates: readonly string[];
  };
}

/**
 * Verifies a registration (WebAuthn Level 3, 7.1): our challenge, origin and domain, a verified user, a P-256 key, an
 * attestation statement that is sound in itself, of a model that is trusted. Whose certificate it is signed with is for
 * who approves the enrolment to judge.
 */
export async function verifyRegistration(
  { rpId, origin, trustedAuthenticators }: PasskeysConfig,
  keyId: string,
  challenge: string,
  response: RegistrationResponseJSON,
): Promise<Result<VerifiedPasskey>> {
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: true,
      supportedAlgorithmIDs: [ES256],
    });
    if (!verified) return invalid('the attestation statement does not verify');
    const { credential, fmt, aaguid, attestationObject } = registrationInfo;
    const key = webauthnKeySchema.safeParse({
      id: keyId,
      scheme: 'webauthn',
      credentialId: credential.id,
      publicKey: publicKeyOf(credential.publicKey),
      rpId,
      origins: [origin],
      userVerification: 'required',
    });
    if (!key.success) return invalid(key.error.issues[0]?.message ?? 'not a passkey');
    const certificates = certificatesOf(attestationObject);
    const trusted = checkModel(trustedAuthenticators, aaguid, certificates);
    if (!trusted.ok) return trusted;
    return accepted({
      key: key.data,
      signCount: credential.counter,
      attestation: { format: fmt, aaguid, object: attestationObject, certificates },
    });
  } catch (error) {
    // the library throws on whatever a browser can send
    return invalid(error instanceof Error ? error.message : 'unreadable');
  }
}

/** Without a certificate the model is nothing but a claim (WebAuthn Level 3, 6.5.3: self and no attestation). */
function checkModel(trusted: readonly string[], aaguid: string, certificates: readonly string[]): Result<true> {
  if (trusted.length === 0) return accepted(true);
  return trusted.includes(aaguid) && certificates.length > 0
    ? accepted(true)
    : refused('passkey.authenticator-not-trusted', 'Use an authenticator of a model that the firm trusts.', {
        aaguid,
        certificates: String(certificates.length),
      });
}

/** The `x5c` of the attestation statement (WebAuthn Level 3, 6.5.4). */
function certificatesOf(attestationObject: Uint8Array): string[] {
  const statement = decodeAttestationObject(Uint8Array.from(attestationObject)).get('attStmt');
  return (statement.get('x5c') ?? []).map((der) => Buffer.from(der).toString('base64'));
}

/** From COSE (RFC 9053, 7.1.1) to a compressed point. Throws when it is no key of P-256. */
function publicKeyOf(encoded: Uint8Array): string {
  const key = decodeCredentialPublicKey(Uint8Array.from(encoded));
  const { COSEKEYS, COSECRV } = cose;
  if (!cose.isCOSEPublicKeyEC2(key) || key.get(COSEKEYS.crv) !== COSECRV.P256) throw new Error('not a P-256 key');
  const [x, y] = [key.get(COSEKEYS.x), key.get(COSEKEYS.y)];
  if (!x || !y) throw new Error('not a P-256 key');
  return compressedPoint(x, y);
}

const invalid = (problem: string): Result<never> =>
  refused('passkey.registration-invalid', 'The registration does not verify.', { problem: problem.slice(0, 200) });
