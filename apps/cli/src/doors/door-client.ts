import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { Failure } from '../stack/index.js';

const TIMEOUT_MS = 10_000;

export interface DoorAddress {
  readonly id: string;
  /** `https://host:port` */
  readonly url: string;
  /** SHA-256 of the signer's certificate (DER), hex, as the charter names it. */
  readonly tlsFingerprint: string;
}

/** What a door says; a refusal has a code. */
export interface DoorAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Goes to a signer's door: no certificate, no token, no orchestrator. Nothing is sent before the signer has shown the
 * certificate that the charter names. @throws Failure when nobody answers, or somebody else
 */
export function knock(
  { id, url, tlsFingerprint }: DoorAddress,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<DoorAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(new Failure(`The door of ${id} at ${url} does not answer: ${error.message}.`));
    };
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    // self-signed: the fingerprint decides, no issuer does
    const options = { method, headers, signal, agent: false as const, rejectUnauthorized: false };
    const outgoing = request(new URL(path, url), options);
    outgoing.once('error', fail);
    outgoing.once('socket', (socket) => {
      const tls = socket as TLSSocket;
      tls.once('secureConnect', () => {
        const shown = tls.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase();
        if (shown === tlsFingerprint) outgoing.end(body === undefined ? undefined : JSON.stringify(body));
        else outgoing.destroy(new Error('it shows another certificate than the charter names'));
      });
    });
    outgoing.once('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', fail);
      incoming.once('end', () => {
        try {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) as DoorAnswer['body'] });
        } catch {
          fail(new Error('no JSON'));
        }
      });
    });
  });
}

/** `accepted`, or the code of the refusal. */
export const codeAt = ({ status, body }: DoorAnswer): string =>
  status === 200 ? 'accepted' : typeof body['code'] === 'string' ? body['code'] : String(status);
