import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';

/** Our own TLS identity, as files in PEM. */
export interface TlsIdentity {
  readonly keyFile: string;
  readonly certFile: string;
}

/**
 * Connections to one server, kept alive: TLS 1.3 with our certificate, and only to whoever holds the key of the pinned
 * certificate, whatever its name or issuer.
 */
export function pinnedAgent(identity: TlsIdentity, serverCertFile: string): Agent {
  const pinned = readFileSync(serverCertFile, 'utf8');
  const { fingerprint256 } = new X509Certificate(pinned);
  return new Agent({
    keepAlive: true,
    key: readFileSync(identity.keyFile),
    cert: readFileSync(identity.certFile),
    ca: pinned,
    minVersion: 'TLSv1.3',
    // a resumed session would not be checked again
    maxCachedSessions: 0,
    checkServerIdentity: (_host, certificate) =>
      certificate.fingerprint256 === fingerprint256 ? undefined : new Error('not the pinned certificate'),
  });
}
