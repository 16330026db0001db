import { slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { INCIDENT_KINDS, INCIDENT_STATUSES, type IncidentRow } from '../persistence/entities.js';

export const incidentViewSchema = z.strictObject({
  id: z.uuid(),
  kind: z.enum(INCIDENT_KINDS),
  /** Null where it is of the whole firm, as is `wallet`. */
  owner: slugSchema.nullable(),
  wallet: slugSchema.nullable(),
  detail: z.record(z.string(), z.string()),
  status: z.enum(INCIDENT_STATUSES),
  at: z.iso.datetime(),
  /** By which charter intent it was closed, when, and with what words. */
  closed: z.strictObject({ by: z.uuid(), at: z.iso.datetime(), resolution: z.string() }).nullable(),
});
export type IncidentView = z.infer<typeof incidentViewSchema>;

export const incidentView = (row: IncidentRow): IncidentView => {
  const { id, kind, owner, wallet, detail, status, at, closedBy, closedAt, resolution } = row;
  const closed =
    closedBy !== null && closedAt && resolution !== null
      ? { by: closedBy, at: closedAt.toISOString(), resolution }
      : null;
  return { id, kind, owner, wallet, detail: { ...detail }, status, at: at.toISOString(), closed };
};
