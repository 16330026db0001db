import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { refused, RefusalError, type RefusalCode } from '@bulkhead/intent';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { INTERNAL_PROBLEM, problemOf, type Problem } from './problem.js';

const CODE_OF_STATUS: Record<number, RefusalCode> = {
  401: 'request.unauthenticated',
  403: 'request.forbidden',
  404: 'request.not-found',
};

/** What the HTTP framework itself refuses (no such route, unreadable JSON, body too large). */
function problemOfStatus(status: number, message: string): Problem {
  const problem = problemOf(refused(CODE_OF_STATUS[status] ?? 'request.malformed', message).refusal);
  return { ...problem, status };
}

export function problemOfError(error: unknown): Problem | undefined {
  if (error instanceof RefusalError) return problemOf(error.refusal);
  if (error instanceof HttpException) return problemOfStatus(error.getStatus(), error.message);
  const status: unknown = error instanceof Error ? Reflect.get(error, 'statusCode') : undefined;
  if (typeof status === 'number' && status >= 400 && status < 500)
    return problemOfStatus(status, (error as Error).message);
  return undefined;
}

/** The one funnel through which errors leave: problem documents, and nothing of an unexpected error but its status. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly log = new Logger('http');

  catch(error: unknown, host: ArgumentsHost): void {
    if (!problemOfError(error)) {
      this.log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

/** Answers with the problem that an error is. Fastify asks it itself for what never reaches a route, as a broken URL. */
export function sendProblem(error: unknown, _request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOfError(error) ?? INTERNAL_PROBLEM;
  void reply.status(problem.status).header('content-type', 'application/problem+json').send(problem);
}
