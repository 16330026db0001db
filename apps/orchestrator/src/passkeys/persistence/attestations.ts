import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { EntityManager } from 'typeorm';

/** What a passkey's registration has shown of the authenticator that made it: for who approves its enrolment. */
export const attestationViewSchema = z.strictObject({
  /** WebAuthn Level 3, 8: `packed`, `tpm`, ..., `none`. */
  format: z.string(),
  /** The model. */
  aaguid: z.guid(),
  /** The authenticator's own first; `der` in base64. Without any, the model is a claim. */
  certificates: z.array(z.strictObject({ subject: z.string(), issuer: z.string(), der: z.base64() })),
});
export type AttestationView = z.infer<typeof attestationViewSchema>;

interface RegistrationRow {
  readonly credential: string;
  readonly format: string;
  readonly aaguid: string;
  readonly certificates: readonly string[];
}

/** Of these credentials those that were registered here, to their attestations. */
export async function attestationsOf(
  manager: EntityManager,
  credentials: readonly string[],
): Promise<ReadonlyMap<string, AttestationView>> {
  if (credentials.length === 0) return new Map();
  const rows: RegistrationRow[] = await manager.query(
    'select credential, format, aaguid, certificates from passkey_registration where credential = any($1)',
    [[...credentials]],
  );
  return new Map(
    rows.map(({ credential, format, aaguid, certificates }) => [
      credential,
      { format, aaguid, certificates: certificates.map(certificateView) },
    ]),
  );
}

function certificateView(der: string): AttestationView['certificates'][number] {
  const { subject, issuer } = new X509Certificate(Buffer.from(der, 'base64'));
  return { subject: inLine(subject), issuer: inLine(issuer), der };
}

/** Node gives a name one part a line. */
const inLine = (name: string): string => name.replaceAll('\n', ', ');
