import { refused, REFUSALS, type Refusal } from '@bulkhead/intent';
import { z } from 'zod';

/** RFC 9457. `code` is stable and listed in docs/api.md; `detail` is for people and may change. */
export const problemSchema = z.strictObject({
  type: z.string().meta({ examples: ['urn:bulkhead:refusal:segregation.pays-house'] }),
  title: z.string(),
  status: z.int(),
  code: z.string().meta({ examples: ['segregation.pays-house'] }),
  detail: z.string(),
  facts: z.record(z.string(), z.string()),
});
export type Problem = z.infer<typeof problemSchema>;

const TITLES: Record<number, string> = {
  400: 'The request cannot be read',
  401: 'Who is asking is not known',
  403: 'Not for this member',
  404: 'Not found',
  409: 'Not in this state',
  413: 'The request is too large',
  414: 'The request cannot be read',
  415: 'The request cannot be read',
  422: 'Refused',
  500: 'Internal error',
  502: 'A part behind Bulkhead gave a wrong answer',
  503: 'A part behind Bulkhead is not available',
  504: 'A part behind Bulkhead did not answer in time',
};

export function problemOf(refusal: Refusal): Problem {
  const status = REFUSALS[refusal.code];
  return {
    type: `urn:bulkhead:refusal:${refusal.code}`,
    title: TITLES[status] ?? 'Refused',
    status,
    code: refusal.code,
    detail: refusal.detail,
    facts: { ...refusal.facts },
  };
}

export const INTERNAL_PROBLEM: Problem = problemOf(
  refused('internal.error', 'Something broke on our side; nothing was decided. The log has the details.').refusal,
);
