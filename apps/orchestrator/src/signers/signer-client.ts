import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request, type Agent } from 'node:https';
import type { Approval } from '@bulkhead/approval';
import type { CharterEntry, Wallet } from '@bulkhead/charter';
import { accepted, intentDigest, payloadDigest, refused, type Refusal, type Result } from '@bulkhead/intent';
import type { ControlStatement } from '@bulkhead/keys';
import {
  gasPayloadDigest,
  verifyDecision,
  type DecisionRecord,
  type GasRequest,
  type SignedDecision,
  type TransferRequest,
} from '@bulkhead/policy';
import type { z } from 'zod';
import {
  confirmedSchema,
  decisionsSchema,
  destroyedSchema,
  entriesSchema,
  headsSchema,
  healthSchema,
  keyReportSchema,
  keySchema,
  problemSchema,
  proofSchema,
  signedSchema,
  takenSchema,
  type Signed,
  type SignerDecisions,
  type SignerEntries,
  type SignerHeads,
  type SignerHealth,
  type SignerKey,
  type SignerKeys,
  type SignerProof,
} from './answers.js';
import { pinnedAgent, type TlsIdentity } from './pinned-agent.js';

export interface SignerAddress {
  readonly id: string;
  /** `https://host:port` */
  readonly url: string;
  /** The signer's certificate, PEM: the only one it is believed with. */
  readonly certFile: string;
}

/** A refusal that the signer has decided comes with the record of it; that of a part that is away has none. */
export type DecidedResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal; readonly decision?: SignedDecision };
export type SigningResult = DecidedResult<Signed>;

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
  private readonly tlsFingerprint: string;

  constructor(
    private readonly address: SignerAddress,
    tls: TlsIdentity,
    private readonly timeoutMs: number,
  ) {
    this.id = address.id;
    this.agent = pinnedAgent(tls, address.certFile);
    const { fingerprint256 } = new X509Certificate(readFileSync(address.certFile));
    this.tlsFingerprint = fingerprint256.replaceAll(':', '').toLowerCase();
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

  /** Entries of a chain that follow the one of the hash, or all; `request.not-found` when the signer has none of it. */
  entries(chain: string, after: string | undefined): Promise<Result<SignerEntries>> {
    const query = new URLSearchParams({ chain, ...(after !== undefined && { after }) });
    return this.ask('GET', `/v1/charter/entries?${query.toString()}`, undefined, entriesSchema);
  }

  /** Its decisions that follow the first `after`. They are for the caller to verify. */
  decisions(after: number): Promise<Result<SignerDecisions>> {
    return this.ask('GET', `/v1/decisions?after=${after}`, undefined, decisionsSchema);
  }

  /** The signer's key of a wallet, made in its token at the first call. */
  async generateKey(wallet: string): Promise<Result<SignerKey>> {
    const key = await this.ask('POST', '/v1/keys', { wallet }, keySchema);
    if (!key.ok || (key.value.signer === this.id && key.value.wallet === wallet)) return key;
    return this.invalid('a key of another signer or wallet');
  }

  /** Everything that is in its token, and what it knows of it. */
  async keyReport(): Promise<Result<SignerKeys>> {
    const report = await this.ask('GET', '/v1/keys', undefined, keyReportSchema);
    return !report.ok || report.value.signer === this.id ? report : this.invalid('keys of another signer');
  }

  /** Refused by the signer unless its own charter says that the key is destroyed. */
  destroyKey(wallet: string, publicKey: string): Promise<Result<{ readonly destroyed: true }>> {
    return this.ask('POST', '/v1/keys/destructions', { wallet, publicKey }, destroyedSchema);
  }

  /** Whether the key that the wallet names for the signer is its own, by its word: `charter.key-not-held` if not. */
  confirmKey(wallet: Wallet): Promise<Result<{ readonly held: true }>> {
    return this.ask('POST', '/v1/keys/confirmations', wallet, confirmedSchema);
  }

  /** What the signer's key of the wallet says to a statement of control; not verified here. */
  proveControl(statement: ControlStatement): Promise<Result<SignerProof>> {
    return this.ask('POST', '/v1/keys/proofs', statement, proofSchema);
  }

  /** A member's signed word against a transfer; the signer verifies it, and keeps it for good. */
  object(objection: Approval): Promise<Result<{ readonly taken: true }>> {
    return this.ask('POST', '/v1/objections', objection, takenSchema);
  }

  /**
   * The decision record is verified, `signer.decision-invalid`; the signatures are not: those who put them into a
   * transaction do that.
   */
  signTransfer(transfer: TransferRequest): Promise<SigningResult> {
    return this.askAboutTransfer('/v1/sign/transfer', transfer, transfer, signedSchema);
  }

  /** Puts a question about a transfer that the signer decides on; its decision record is verified. */
  askAboutTransfer<S extends DecidedSchema>(
    path: string,
    question: unknown,
    { intent, payload }: TransferRequest,
    schema: S,
  ): Promise<DecidedResult<z.infer<S>>> {
    const asked = { intentDigest: intentDigest(intent), payloadDigest: payloadDigest(payload) };
    return this.askToDecide(path, question, asked, schema);
  }

  signGas(gas: GasRequest): Promise<SigningResult> {
    const asked = { intentDigest: null, payloadDigest: gasPayloadDigest(gas) };
    return this.askToDecide('/v1/sign/gas', gas, asked, signedSchema);
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

  private async askToDecide<S extends DecidedSchema>(
    path: string,
    question: unknown,
    asked: Asked,
    schema: S,
  ): Promise<DecidedResult<z.infer<S>>> {
    const answer = await this.ask('POST', path, question, schema);
    const decision = answer.ok ? answer.value.decision : answer.decision;
    if (!decision) return answer;
    const verified = verifyDecision(decision, { id: this.id, tlsFingerprint: this.tlsFingerprint });
    if (!verified.ok) return verified;
    const problem = contradiction(verified.value, asked, answer.ok ? null : answer.refusal.code);
    return problem === undefined
      ? answer
      : refused('signer.decision-invalid', 'The decision record is not of this question and answer.', {
          signer: this.id,
          problem,
        });
  }

  /** Any question with an answer of an agreed form. */
  async ask<S extends z.ZodType>(
    method: 'GET' | 'POST',
    path: string,
    body: unknown,
    schema: S,
    statuses: readonly number[] = [200],
  ): Promise<Result<z.infer<S>> & { readonly decision?: SignedDecision | undefined }> {
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
    const { code, detail, facts, decision } = problem.data;
    return { ...refused(code, detail, { ...facts, signer: this.id }), ...(decision && { decision }) };
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

type DecidedSchema = z.ZodType<{ readonly decision: SignedDecision }>;
type Asked = Pick<DecisionRecord, 'intentDigest' | 'payloadDigest'>;

/** Where a record does not fit what was asked and answered. */
function contradiction(record: DecisionRecord, asked: Asked, code: string | null): string | undefined {
  if (record.payloadDigest !== asked.payloadDigest || record.intentDigest !== asked.intentDigest)
    return 'another question';
  return record.code === code && (record.decision === 'SIGN') === (code === null) ? undefined : 'another answer';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
