import { z } from 'zod';

/**
 * How a module stands to one expectation. `guarded`: it does what would lose money or keys, and Bulkhead's own checks
 * keep that from mattering. `noted`: a fact, neither good nor bad.
 */
export const outcomeSchema = z.enum(['ok', 'guarded', 'missing', 'wrong', 'noted']);

export const findingSchema = z.strictObject({
  /** What was looked at, as `area.subject`. */
  check: z.string().regex(/^[a-z0-9-]+\.[a-z0-9-]+$/),
  outcome: outcomeSchema,
  /** Whether a quorum key cannot do without it. */
  needed: z.boolean(),
  detail: z.string(),
  facts: z.record(z.string(), z.string()),
});
export type Finding = z.infer<typeof findingSchema>;

/** 0: fit for quorum keys; 1: usable in part; 2: cannot be run. */
export type ProbeStatus = 0 | 1 | 2;

const isGood = ({ outcome }: Finding): boolean => outcome !== 'missing' && outcome !== 'wrong';

/** The status of a probe that came to its end (`opened`: the token could be opened at all). */
export function statusOf(opened: boolean, findings: readonly Finding[]): ProbeStatus {
  const curves = findings.filter(({ check }) => check.startsWith('curve.'));
  if (!opened || !curves.some(isGood)) return 2;
  return findings.filter(({ needed }) => needed).every(isGood) ? 0 : 1;
}

const VERDICTS: Record<ProbeStatus, string> = {
  0: 'fit for quorum keys',
  1: 'usable in part, not for quorum keys',
  2: 'cannot be used',
};

/** One sentence: the verdict, and what stands in the way. */
export function verdictOf(status: ProbeStatus, findings: readonly Finding[]): string {
  const lacking = findings.filter((finding) => finding.needed && !isGood(finding)).map(({ check }) => check);
  return `${VERDICTS[status]}${lacking.length === 0 ? '' : ` (${lacking.join(', ')})`}`;
}
