import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Digest } from '@bulkhead/intent';
import type { SignerConfig } from './config.js';

/** SHA-256 of a PEM certificate's DER, 64 lower-case hex digits: how the charter and the peers know it. */
export const certificateFingerprint = (pem: string): string =>
  new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();

/** Who this signer is, and to which firm it belongs: fixed for its life. */
export class SignerIdentity {
  constructor(
    readonly id: string,
    readonly firm: Digest,
    /** Of the signer's own TLS certificate. */
    readonly tlsFingerprint: string,
  ) {}

  static of({ id, firm, tls }: SignerConfig): SignerIdentity {
    return new SignerIdentity(id, firm, certificateFingerprint(readFileSync(tls.certFile, 'utf8')));
  }
}
