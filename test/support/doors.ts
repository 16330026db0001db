import { request } from 'node:https';
import { doorOf, type SignerName } from '../../apps/cli/src/stack/index.js';
import type { SignerStack } from './signer-stack.js';

/** What came back: the status, and the JSON. */
export interface DoorAnswer {
  readonly status: number;
  readonly body: { readonly code?: string; readonly [field: string]: unknown };
}

/** Knocks at a signer's door as anybody can: no certificate of ours, no orchestrator. */
export function knock(
  { stack }: SignerStack,
  signer: SignerName,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<DoorAnswer> {
  return new Promise((resolve, reject) => {
    const url = new URL(path, `https://127.0.0.1:${stack.ports[doorOf(signer)]}`);
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const asked = request(url, { method, headers, rejectUnauthorized: false, agent: false }, (incoming) => {
      const found = incoming.socket as unknown as { getPeerX509Certificate(): { fingerprint256: string } | undefined };
      const fingerprint = found.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase();
      if (fingerprint !== stack.tls[signer].fingerprint) reject(new Error('another certificate than the signer’s'));
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', reject);
      incoming.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) as DoorAnswer['body'] });
      });
    });
    asked.once('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** `accepted`, or the code of the refusal. */
export const codeAt = ({ status, body }: DoorAnswer): string =>
  status === 200 ? 'accepted' : (body.code ?? `${status}`);
