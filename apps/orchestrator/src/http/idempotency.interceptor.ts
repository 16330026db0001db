import { createHash } from 'node:crypto';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { canonicalJson, refused, RefusalError } from '@bulkhead/intent';
import type { FastifyReply } from 'fastify';
import { firstValueFrom, from, type Observable } from 'rxjs';
import { DataSource } from 'typeorm';
import type { AuthenticatedRequest } from './member.js';
import { problemOfError } from './problem.filter.js';

const KEY = /^[\x21-\x7e]{1,200}$/;
/** A request that died with its process may be tried again after this long. */
const ABANDONED_AFTER_SECONDS = 30;

interface Kept {
  body_hash: string;
  status: number | null;
  response: unknown;
}

/**
 * Resending a POST with the same `Idempotency-Key` gives the first answer, refusals included. The key belongs to one
 * member and one body; with another body it is refused.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly database: DataSource) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<AuthenticatedRequest>();
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || key === undefined) return next.handle();
    if (typeof key !== 'string' || !KEY.test(key)) {
      throw new RefusalError(
        refused('request.malformed', 'An Idempotency-Key is 1 to 200 visible ASCII characters.').refusal,
      );
    }
    return from(this.once(request, http.getResponse<FastifyReply>(), key, next));
  }

  private async once(
    request: AuthenticatedRequest,
    reply: FastifyReply,
    key: string,
    next: CallHandler,
  ): Promise<unknown> {
    const identity = [request.member ?? '', key];
    const hash = requestHash(request);
    const kept = await this.claim(identity, hash);
    if (kept) {
      void reply.status(kept.status ?? 200).header('idempotency-replayed', 'true');
      if ((kept.status ?? 200) >= 400) void reply.header('content-type', 'application/problem+json');
      return kept.response;
    }
    try {
      const response: unknown = await firstValueFrom(next.handle());
      await this.keep(identity, reply.statusCode, response);
      return response;
    } catch (error) {
      const problem = problemOfError(error);
      if (problem && problem.status < 500) await this.keep(identity, problem.status, problem);
      else await this.database.query('delete from idempotency_key where member = $1 and key = $2', identity);
      throw error;
    }
  }

  /** The first answer, if there is one; undefined when this request is now the one that gives it. */
  private async claim(identity: readonly string[], hash: string): Promise<Kept | undefined> {
    const claimed: unknown[] = await this.database.query(
      `insert into idempotency_key (member, key, body_hash) values ($1, $2, $3)
       on conflict (member, key) do update set claimed_at = now()
         where idempotency_key.status is null and idempotency_key.body_hash = excluded.body_hash
           and idempotency_key.claimed_at < now() - make_interval(secs => $4)
       returning 1`,
      [...identity, hash, ABANDONED_AFTER_SECONDS],
    );
    if (claimed.length > 0) return undefined;
    const rows: Kept[] = await this.database.query(
      'select body_hash, status, response from idempotency_key where member = $1 and key = $2',
      [...identity],
    );
    const kept = rows[0];
    if (kept && kept.body_hash !== hash) {
      throw new RefusalError(
        refused('request.idempotency-key-reused', 'This Idempotency-Key was used for another request.').refusal,
      );
    }
    if (kept?.status == null) {
      throw new RefusalError(
        refused('request.idempotency-in-progress', 'The first request with this key is still running; ask again.')
          .refusal,
      );
    }
    return kept;
  }

  private async keep(identity: readonly string[], status: number, response: unknown): Promise<void> {
    await this.database.query('update idempotency_key set status = $3, response = $4 where member = $1 and key = $2', [
      ...identity,
      status,
      JSON.stringify(response ?? null),
    ]);
  }
}

/** The same for the same request, in whatever order its body names its fields. */
function requestHash({ method, url, body }: AuthenticatedRequest): string {
  let text: string;
  try {
    text = canonicalJson([method, url, body ?? null]);
  } catch {
    throw new RefusalError(refused('request.malformed', 'The body is not well-formed Unicode.').refusal);
  }
  return createHash('sha256').update(text).digest('hex');
}
