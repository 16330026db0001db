import { refused, RefusalError } from '@bulkhead/intent';
import { z } from 'zod';

/** The node understood the call and said no. */
export class RpcRefusal extends Error {
  constructor(
    readonly method: string,
    readonly code: number,
    readonly reason: string,
    /** EIP-1474 revert data and the like. */
    readonly data: unknown,
  ) {
    super(`${method}: ${reason} (${String(code)})`);
    this.name = 'RpcRefusal';
  }
}

export interface RpcOptions {
  readonly url: string;
  readonly timeoutMs: number;
  /** Gives the Authorization header; `fresh` is set when the last one was not taken. */
  authorization?(fresh: boolean): Promise<string>;
  /** Keeps the decimals of these keys as text: a JSON number is a binary fraction, and money is not. */
  readonly decimalKeys?: ReadonlySet<string>;
}

const answerSchema = z.object({
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }).nullish(),
});

/**
 * JSON-RPC over HTTP. A node that cannot be reached, is starting, or answers what is no JSON-RPC is thrown as a
 * {@link RefusalError} of `chain.unavailable`; an error object of the node's as {@link RpcRefusal}.
 */
export class JsonRpc {
  #nextId = 1;

  constructor(
    private readonly chain: string,
    private readonly options: RpcOptions,
  ) {}

  async call<T>(method: string, params: readonly unknown[], schema: z.ZodType<T>): Promise<T> {
    const parsed = schema.safeParse(await this.request(method, params));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw this.unavailable(method, `answer not understood at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }

  /** {@link call} without a look at the result. */
  async request(method: string, params: readonly unknown[] | object = []): Promise<unknown> {
    let response = await this.post(method, params, false);
    if (response.status === 401 && this.options.authorization) response = await this.post(method, params, true);
    const text = await response.text().catch((error: unknown) => {
      throw this.unavailable(method, reasonOf(error));
    });
    // Bitcoin Core answers errors with 4xx and 5xx and a JSON-RPC body.
    const answer = this.parse(text);
    if (!answer) throw this.unavailable(method, `HTTP status ${String(response.status)}`);
    if (!answer.error) return answer.result;
    if (answer.error.code === WARMING_UP) throw this.unavailable(method, answer.error.message);
    throw new RpcRefusal(method, answer.error.code, answer.error.message, answer.error.data);
  }

  private async post(method: string, params: readonly unknown[] | object, fresh: boolean): Promise<Response> {
    // no kept-alive connection outlives a restart of the node
    const headers: Record<string, string> = { 'content-type': 'application/json', connection: 'close' };
    try {
      if (this.options.authorization) headers.authorization = await this.options.authorization(fresh);
      return await fetch(this.options.url, {
        method: 'POST',
        headers,
        body: JSON.stringify({ jsonrpc: '2.0', id: this.#nextId++, method, params }),
        signal: AbortSignal.timeout(this.options.timeoutMs),
      });
    } catch (error) {
      throw this.unavailable(method, reasonOf(error));
    }
  }

  private parse(text: string): z.infer<typeof answerSchema> | undefined {
    try {
      return answerSchema.safeParse(this.options.decimalKeys ? this.parseExactly(text) : JSON.parse(text)).data;
    } catch {
      return undefined;
    }
  }

  private parseExactly(text: string): unknown {
    const { decimalKeys } = this.options;
    const keepText: SourceReviver = (key, value, context) =>
      typeof value === 'number' && decimalKeys?.has(key) ? (context?.source ?? value) : value;
    return JSON.parse(text, keepText as Parameters<typeof JSON.parse>[1]);
  }

  private unavailable(method: string, reason: string): RefusalError {
    return new RefusalError(
      refused('chain.unavailable', 'The node does not answer; it will be asked again.', {
        chain: this.chain,
        method,
        reason: reason.slice(0, 300),
      }).refusal,
    );
  }
}

/** RPC_IN_WARMUP of Bitcoin Core's rpc/protocol.h. */
const WARMING_UP = -28;

/** The reviver with the source text of a number (ECMAScript "JSON.parse source text access", in V8 since 11.4). */
type SourceReviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

const messageSchema = z.object({
  message: z.string(),
  cause: z.object({ message: z.string() }).optional().catch(undefined),
});

/** What fetch says, and why: "fetch failed" alone tells nothing. */
const reasonOf = (error: unknown): string => {
  const { message, cause } = messageSchema.safeParse(error).data ?? { message: 'unknown' };
  return cause ? `${message}: ${cause.message}` : message;
};
