import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { writeFileAtomically } from './files.js';
import type { Layout } from './layout.js';
import { EVERY_APP, type AppName } from './names.js';

const VALID_YEARS = 5;

/** One process's TLS identity: a self-signed P-256 certificate that its peers pin. */
export interface TlsIdentity {
  /** PEM, PKCS #8, 0600. */
  readonly keyFile: string;
  /** PEM. */
  readonly certificateFile: string;
  /** SHA-256 of the certificate's DER bytes, 64 lower-case hex digits. */
  readonly fingerprint: string;
}

/** Makes the identities of the orchestrator and the signers, for 127.0.0.1 and localhost. Idempotent. */
export async function makeTlsIdentities(layout: Layout): Promise<Record<AppName, TlsIdentity>> {
  const identities: Partial<Record<AppName, TlsIdentity>> = {};
  for (const app of EVERY_APP) identities[app] = await makeTlsIdentity(app, layout);
  return identities as Record<AppName, TlsIdentity>;
}

async function makeTlsIdentity(app: AppName, layout: Layout): Promise<TlsIdentity> {
  const keyFile = join(layout.tls, `${app}.key.pem`);
  const certificateFile = join(layout.tls, `${app}.crt.pem`);
  // the certificate is written last: where it is, its key is
  if (!existsSync(certificateFile)) {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const notBefore = new Date();
    const notAfter = new Date(notBefore);
    notAfter.setUTCFullYear(notAfter.getUTCFullYear() + VALID_YEARS);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${app}`,
      notBefore,
      notAfter,
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: 'localhost' },
          { type: 'ip', value: '127.0.0.1' },
        ]),
      ],
    });
    const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    writeFileAtomically(keyFile, `${key}\n`, 0o600);
    writeFileAtomically(certificateFile, `${certificate.toString('pem')}\n`);
  }
  const fingerprint = new X509Certificate(readFileSync(certificateFile)).fingerprint256
    .replaceAll(':', '')
    .toLowerCase();
  return { keyFile, certificateFile, fingerprint };
}
