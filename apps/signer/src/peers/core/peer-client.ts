import { Agent, request } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions } from 'node:tls';
import { accepted, refused, type Result } from '@bulkhead/intent';

/** A page of charter entries or of decisions; a peer has no business sending more. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
type Opened = (error: Error | null, socket: Duplex) => void;

/** Connections that are used only when the other side holds the key of the certificate with the fingerprint. */
class FingerprintAgent extends Agent {
  constructor(private readonly tlsFingerprint: string) {
    super({ keepAlive: true, maxSockets: 8 });
  }

  /** The request is written when `opened` has been called, and not before. */
  override createConnection(options: ConnectionOptions, opened?: Opened): undefined {
    // self-signed: the fingerprint decides, no issuer does
    const socket = connect({ ...options, rejectUnauthorized: false, minVersion: 'TLSv1.3' });
    const fail = (error: Error): void => {
      opened?.(error, socket);
    };
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.off('error', fail);
      const found = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase();
      if (found === this.tlsFingerprint) return opened?.(null, socket);
      socket.destroy();
      fail(new Error('not the certificate that the charter names'));
    });
  }
}

/** The door of one other signer, known by the certificate that the charter names for it. */
export class PeerClient {
  private readonly agent: Agent;

  constructor(
    private readonly url: string,
    readonly tlsFingerprint: string,
    private readonly timeoutMs: number,
  ) {
    this.agent = new FingerprintAgent(tlsFingerprint);
  }

  /** The JSON of a 200; `signer.peers-unknown` when there is none. It is not checked here. */
  async ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Result<unknown>> {
    const first = await this.send(method, path, body);
    // the peer had closed a connection that was kept open; every question may be asked again
    const answer = first === 'stale' ? await this.send(method, path, body) : first;
    return answer === 'stale' ? noAnswer('the connection was reset') : answer;
  }

  private send(method: 'GET' | 'POST', path: string, body: unknown): Promise<Result<unknown> | 'stale'> {
    return new Promise((resolve) => {
      const fail = (error: Error): void => {
        const isStale = Reflect.get(error, 'code') === 'ECONNRESET' && outgoing.reusedSocket;
        resolve(isStale ? 'stale' : noAnswer(error.message));
      };
      const outgoing = request(new URL(path, this.url), {
        method,
        agent: this.agent,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        signal: AbortSignal.timeout(this.timeoutMs),
      });
      outgoing.once('error', fail);
      outgoing.once('response', (incoming) => {
        const chunks: Buffer[] = [];
        let length = 0;
        incoming.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          length += chunk.length;
          if (length > MAX_ANSWER_BYTES) incoming.destroy(new Error('the answer is too long'));
        });
        incoming.once('error', fail);
        incoming.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if (incoming.statusCode !== 200) fail(new Error(`status ${incoming.statusCode}: ${text.slice(0, 300)}`));
          else
            try {
              resolve(accepted(JSON.parse(text)));
            } catch {
              fail(new Error('no JSON'));
            }
        });
      });
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

const noAnswer = (problem: string): Result<never> =>
  refused('signer.peers-unknown', 'Another signer did not answer.', { problem });
