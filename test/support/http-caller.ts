export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly headers: Headers;
  readonly text: string;
}

export interface HttpCall {
  readonly token?: string | null;
  /** Sent as it is when it is a string, as JSON otherwise. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A problem document, as far as tests look at it. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** Plain HTTP against the API: what a client of any kind can send, sound or not. */
export class HttpCaller {
  constructor(
    readonly url: string,
    private readonly token: string,
  ) {}

  /** With the default member's token; `token: null` sends none. */
  async call(method: string, path: string, { token = this.token, body, headers }: HttpCall = {}): Promise<HttpAnswer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    return {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      headers: response.headers,
      text: await response.text(),
    };
  }
}

/** The problem document of an answer, checked to be one (RFC 9457). */
export function problemOf({ status, contentType, text }: HttpAnswer): ProblemBody {
  expect(contentType).toMatch(/^application\/problem\+json/);
  const problem = JSON.parse(text) as ProblemBody;
  expect(problem).toEqual({
    type: `urn:bulkhead:refusal:${problem.code}`,
    title: expect.any(String),
    status,
    code: expect.stringMatching(/^[a-z]+\.[a-z0-9-]+$/),
    detail: expect.any(String),
    facts: expect.any(Object),
  });
  return problem;
}

/** `200`, or `404 request.not-found`: an answer in short. */
export const inShort = (answer: HttpAnswer): string =>
  answer.status < 400 ? String(answer.status) : `${answer.status} ${problemOf(answer).code}`;
