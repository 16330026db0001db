import { z } from 'zod';

const problemSchema = z.object({
  code: z.string(),
  title: z.string(),
  detail: z.string(),
  status: z.number(),
  facts: z.record(z.string(), z.string()).default({}),
});
export type Problem = z.infer<typeof problemSchema>;

/** A refusal by the API, as its problem document says it (RFC 9457). */
export class ApiRefusal extends Error {
  constructor(readonly problem: Problem) {
    const facts = Object.entries(problem.facts).map(([name, value]) => `${name}=${value}`);
    super(`${problem.code}: ${problem.detail}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`);
    this.name = 'ApiRefusal';
  }
}

export interface RequestOptions {
  readonly token?: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly timeoutMs?: number;
}

export interface Answer<T> {
  readonly status: number;
  readonly replayed: boolean;
  readonly body: T;
}

/** HTTP client of the orchestrator's API. */
export class ApiClient {
  constructor(readonly url: string) {}

  async get<T>(path: string, token: string): Promise<T> {
    return (await this.request<T>('GET', path, { token })).body;
  }

  async post<T>(path: string, token: string, body: unknown, idempotencyKey?: string): Promise<T> {
    const options = idempotencyKey === undefined ? { token, body } : { token, body, idempotencyKey };
    return (await this.request<T>('POST', path, options)).body;
  }

  /** @throws ApiRefusal with the problem document; Error when the orchestrator cannot be reached */
  async request<T>(method: 'GET' | 'POST', path: string, options: RequestOptions): Promise<Answer<T>> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
        ...(options.body !== undefined && { 'content-type': 'application/json' }),
        ...(options.idempotencyKey !== undefined && { 'idempotency-key': options.idempotencyKey }),
      },
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
      signal: AbortSignal.timeout(options.timeoutMs ?? 60_000),
    });
    const text = await response.text();
    const body: unknown = text === '' ? null : JSON.parse(text);
    if (!response.ok) throw new ApiRefusal(problemSchema.parse(body));
    return {
      status: response.status,
      replayed: response.headers.get('idempotency-replayed') === 'true',
      body: body as T,
    };
  }
}
