import { createHash, sign, verify, X509Certificate } from 'node:crypto';
import type { Digest } from '@bulkhead/intent';
import { z } from 'zod';

/** A signer's signature that stands on its own: whoever knows the fingerprint from the charter can verify it. */
export const sealSchema = z.strictObject({
  /** The signer's TLS certificate, DER in base64. */
  certificate: z.base64().max(8_000),
  /** ECDSA with SHA-256 over the 32 bytes of a tagged digest by the certificate's P-256 key: r || s, hex. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type Seal = z.infer<typeof sealSchema>;

/** `privateKeyPem` belongs to the certificate, which is P-256. */
export function sealDigest(digest: Digest, privateKeyPem: string, certificatePem: string): Seal {
  const key = { key: privateKeyPem, dsaEncoding: 'ieee-p1363' } as const;
  return {
    certificate: new X509Certificate(certificatePem).raw.toString('base64'),
    signature: sign('sha256', Buffer.from(digest, 'hex'), key).toString('hex'),
  };
}

/** What does not fit: undefined when the certificate has the fingerprint (SHA-256 of its DER, hex) and its key signed. */
export function sealProblem(digest: Digest, { certificate, signature }: Seal, tlsFingerprint: string) {
  const der = Buffer.from(certificate, 'base64');
  if (createHash('sha256').update(der).digest('hex') !== tlsFingerprint)
    return 'it comes with another certificate than the signer’s';
  return isSignedBy(der, Buffer.from(digest, 'hex'), Buffer.from(signature, 'hex'))
    ? undefined
    : 'the signature is not by the signer over this';
}

function isSignedBy(certificate: Buffer, digest: Buffer, signature: Buffer): boolean {
  try {
    const key = new X509Certificate(certificate).publicKey;
    return (
      key.asymmetricKeyDetails?.namedCurve === 'prime256v1' &&
      verify('sha256', digest, { key, dsaEncoding: 'ieee-p1363' }, signature)
    );
  } catch {
    return false;
  }
}
