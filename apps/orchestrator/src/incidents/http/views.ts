import { slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { INCIDENT_KINDS, INCIDENT_STATUSES, type IncidentRow } from '../persistence/entities.js';

export const incidentViewSchema = z.strictObject({
  id: z.uuid(),
  kind: z.enum(INCIDENT_KINDS),
  owner: slugSchema,
  wallet: slugSchema,
  detail: z.record(z.string(), z.string()),
  status: z.enum(INCIDENT_STATUSES),
  at: z.iso.datetime(),
});
export type IncidentView = z.infer<typeof incidentViewSchema>;

export const incidentView = ({ id, kind, owner, wallet, detail, status, at }: IncidentRow): IncidentView => ({
  id,
  kind,
  owner,
  wallet,
  detail: { ...detail },
  status,
  at: at.toISOString(),
});
