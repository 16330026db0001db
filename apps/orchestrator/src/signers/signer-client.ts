import { request, type Agent } from 'node:https';
import type { CharterEntry } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import type { GasRequest, TransferRequest } from '@bulkhead/policy';
import type { z } from 'zod';
import {
  headsSchema,
  healthSchema,
  keySchema,
  problemSchema,
  signedSchema,
  type Signed,
  type SignerHeads,
  type SignerHealth,
  type SignerKey,
} from './answers.js';
import { pinnedAgent, type TlsIdentity } from './pinned-agent.js';

export interface SignerAddress {
  readonly id: string;
  /** `https://host:port` */
  readonly url: string;
  /** The signer's certificate, PEM: the only one it is believed with. */
  readonly certFile: string;
}

interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

/** A signer has no business sending more: 5,000 signatures are about 2 MB. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/**
 * One signer, over mutual TLS. Every answer is a value: the signer's own refusal, or `signer.unavailable` (no
 * connection), `signer.timeout` (no answer in time; it may have decided), `signer.answer-invalid`.
 */
export class SignerClient {
  readonly id: string;
  private readonly agent: Agent;

  constructor(
    private readonly address: SignerAddress,
    tls: TlsIdentity,
    private readonly timeoutMs: number,
  ) {
    this.id = address.id;
    this.agent = pinnedAgent(tls, address.certFile);
  }

  /** What the signer says of itself when it can sign; why it cannot, otherwise. */
  async health(): Promise<Result<SignerHealth>> {
    const health = await this.ask('GET', '/health', undefined, healthSchema, [200, 503]);
    if (!health.ok || health.value.state === 'ready') return health;
    const { code, token } = health.value;
    return refused(code ?? 'signer.unavailable', 'The signer says that it cannot sign.', {
      signer: this.id,
      token: `${token.state}: ${token.detail}`,
    });
  }

  heads(): Promise<Result<SignerHeads>> {
    return this.ask('GET', '/v1/charter', undefined, headsSchema);
  }

  /** At most 500 entries, in an order in which each follows from those before it. */
  pushEntries(entries: readonly CharterEntry[]): Promise<Result<SignerHeads>> {
    return this.ask('POST', '/v1/charter/entries', { entries }, headsSchema);
  }

  /** The signer's key of a wallet, made in its token at the first call. */
  async generateKey(wallet: string): Promise<Result<SignerKey>> {
    const key = await this.ask('POST', '/v1/keys', { wallet }, keySchema);
    if (!key.ok || (key.value.signer === this.id && key.value.wallet === wallet)) return key;
    return this.invalid('a key of another signer or wallet');
  }

  /** The signatures are not verified here: those who put them into a transaction do. */
  signTransfer(transfer: TransferRequest): Promise<Result<Signed>> {
    return this.ask('POST', '/v1/sign/transfer', transfer, signedSchema);
  }

  signGas(gas: GasRequest): Promise<Result<Signed>> {
    return this.ask('POST', '/v1/sign/gas', gas, signedSchema);
  }

  /** Any request, as somebody who took over the orchestrator could send it. The answer is as unread as it came. */
  async raw(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Result<RawAnswer>> {
    const first = await this.send(method, path, body);
    // the signer had closed a connection that was kept open; every request may be repeated
    return first === 'stale' ? this.settled(await this.send(method, path, body)) : first;
  }

  /** Closes the connections that are kept open. */
  close(): void {
    this.agent.destroy();
  }

  private send(method: 'GET' | 'POST', path: string, body: unknown): Promise<Result<RawAnswer> | 'stale'> {
    return new Promise((resolve) => {
      const outgoing = request(new URL(path, this.address.url), {
        method,
        agent: this.agent,
        headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        signal: AbortSignal.timeout(this.timeoutMs),
      });
      const fail = (error: Error): void => {
        const reset = Reflect.get(error, 'code') === 'ECONNRESET';
        resolve(reset && outgoing.reusedSocket ? 'stale' : this.unreachable(error));
      };
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
          resolve(accepted({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
        });
      });
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  private settled(answer: Result<RawAnswer> | 'stale'): Result<RawAnswer> {
    return answer === 'stale' ? this.unreachable(new Error('the connection was reset')) : answer;
  }

  private async ask<S extends z.ZodType>(
    method: 'GET' | 'POST',
    path: string,
    body: unknown,
    schema: S,
    statuses: readonly number[] = [200],
  ): Promise<Result<z.infer<S>>> {
    const answer = await this.raw(method, path, body);
    if (!answer.ok) return answer;
    const { status, text } = answer.value;
    const json = parseJson(text);
    if (statuses.includes(status)) {
      const parsed = schema.safeParse(json);
      if (parsed.success) return accepted(parsed.data);
    }
    const problem = problemSchema.safeParse(json);
    if (status < 400 || !problem.success) return this.invalid(`status ${status} with another body than agreed`);
    const { code, detail, facts } = problem.data;
    return refused(code, detail, { ...facts, signer: this.id });
  }

  private unreachable(error: Error): Result<never> {
    const facts = { signer: this.id, problem: error.message };
    // AbortSignal.timeout makes the request fail with an AbortError whose cause is the time-out
    return error.name === 'AbortError' || error.name === 'TimeoutError'
      ? refused('signer.timeout', `The signer did not answer within ${this.timeoutMs} ms.`, facts)
      : refused('signer.unavailable', 'The signer cannot be reached.', facts);
  }

  private invalid(problem: string): Result<never> {
    return refused('signer.answer-invalid', 'The signer’s answer is not one that signers give.', {
      signer: this.id,
      problem,
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
