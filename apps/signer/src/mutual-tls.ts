import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { readFileSync } from 'node:fs';
import { readPrivateFile, type SignerConfig } from './config.js';
import { certificateFingerprint } from './signer-identity.js';

export interface MutualTls {
  readonly options: {
    readonly key: string;
    readonly cert: string;
    readonly ca: string[];
    readonly requestCert: true;
    readonly rejectUnauthorized: true;
    readonly minVersion: 'TLSv1.3';
  };
  /** SHA-256 fingerprints of the clients that are let in. */
  readonly pinned: ReadonlySet<string>;
}

/** TLS 1.3 with a client certificate that must be one of the pinned, self-signed ones. */
export function mutualTls({ tls }: SignerConfig): MutualTls {
  const peers = tls.peers.map((peer) => readFileSync(peer.certFile, 'utf8'));
  return {
    options: {
      key: readPrivateFile(tls.keyFile),
      cert: readFileSync(tls.certFile, 'utf8'),
      ca: peers,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
    },
    pinned: new Set(peers.map(certificateFingerprint)),
  };
}

/** Cuts off, before a byte of HTTP is read, whoever has a certificate that a pinned one has signed but is not it. */
export function admitPinnedOnly(server: Server, pinned: ReadonlySet<string>): void {
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const certificate = socket.getPeerX509Certificate();
    const fingerprint = certificate?.fingerprint256.replaceAll(':', '').toLowerCase();
    if (!socket.authorized || fingerprint === undefined || !pinned.has(fingerprint)) socket.destroy();
  });
}
