import { HttpException } from '@nestjs/common';
import { refused, REFUSALS, RefusalError, type Refusal, type RefusalCode } from '@bulkhead/intent';
import type { SignedDecision } from '@bulkhead/policy';
import { isDatabaseOutage } from '../database/outage.js';

/** RFC 9457. `code` is stable; `detail` is for people and may change. */
export interface Problem extends Refusal {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** The record of a refusal that this signer has decided. */
  readonly decision?: SignedDecision;
}

/** A refusal on its way out with the record of it, if there is one. */
export class DecidedRefusal extends RefusalError {
  constructor(
    refusal: Refusal,
    readonly decision: SignedDecision | undefined,
  ) {
    super(refusal);
  }
}

const TITLES: Record<number, string> = {
  400: 'The request cannot be read',
  404: 'Not found',
  409: 'Not in this state',
  422: 'Refused',
  500: 'Internal error',
  502: 'The token gave a wrong answer',
  503: 'A part of the signer is not available',
};

function problemOf({ code, detail, facts }: Refusal, status: number = REFUSALS[code]): Problem {
  return { type: `urn:bulkhead:refusal:${code}`, title: TITLES[status] ?? 'Refused', status, code, detail, facts };
}

/** What the HTTP framework itself refuses: no such route, unreadable JSON, a body that is too large. */
function problemOfStatus(status: number, message: string): Problem {
  const code: RefusalCode = status === 404 ? 'request.not-found' : 'request.malformed';
  return problemOf(refused(code, message).refusal, status);
}

/** The problem that an error is, or undefined when nobody foresaw it. */
export function problemOfError(error: unknown): Problem | undefined {
  if (error instanceof DecidedRefusal && error.decision)
    return { ...problemOf(error.refusal), decision: error.decision };
  if (error instanceof RefusalError) return problemOf(error.refusal);
  if (error instanceof HttpException) return problemOfStatus(error.getStatus(), error.message);
  if (isDatabaseOutage(error)) {
    return problemOf(refused('database.unavailable', 'The signer’s database is away: try again soon.').refusal);
  }
  const status: unknown = error instanceof Error ? Reflect.get(error, 'statusCode') : undefined;
  const known = error instanceof Error && typeof status === 'number' && status >= 400 && status < 500;
  return known ? problemOfStatus(status, error.message) : undefined;
}

/** All that an unexpected error says to the outside. */
export const INTERNAL_PROBLEM: Problem = problemOf(
  refused('internal.error', 'Something broke in the signer. Its log has the details.').refusal,
);
