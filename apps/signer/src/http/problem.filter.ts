import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { INTERNAL_PROBLEM, problemOfError } from './problem.js';

/** The one funnel through which errors leave: problem documents, and nothing of an unexpected error but its status. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly log = new Logger('http');

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = problemOfError(error);
    if (!problem) this.log.error(error);
    const body = problem ?? INTERNAL_PROBLEM;
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    void reply.status(body.status).header('content-type', 'application/problem+json').send(body);
  }
}
