import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What went wrong. `reconciliation.difference` and `spend.unexplained` freeze their wallet. */
export const INCIDENT_KINDS = ['deposit.quarantined', 'spend.unexplained', 'reconciliation.difference'] as const;
export type IncidentKind = (typeof INCIDENT_KINDS)[number];
export const INCIDENT_STATUSES = ['OPEN', 'CLOSED'] as const;
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

@Entity('incident')
export class IncidentRow {
  @PrimaryColumn('uuid') id: string;
  /** Names what it is about: one incident is open for it at a time. */
  @Column('text') key: string;
  @Column('text') kind: IncidentKind;
  @Column('text') owner: string;
  @Column('text') wallet: string;
  @Column('jsonb') detail: Readonly<Record<string, string>>;
  @Column('text', { default: 'OPEN' }) status: IncidentStatus;
  @Column('timestamptz', { default: () => 'now()' }) at: Date;
}
