import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * What a person must look into. `reconciliation.difference` and `spend.unexplained` freeze their wallet; the others are of
 * the whole firm: an emergency act, a signer whose record or whose charter is not what it was.
 */
export const INCIDENT_KINDS = [
  'deposit.quarantined',
  'spend.unexplained',
  'reconciliation.difference',
  'charter.break-glass',
  'charter.fork',
  'signer.record',
] as const;
/** Those that freeze their wallet until they are closed. */
export const FREEZING_KINDS = [
  'spend.unexplained',
  'reconciliation.difference',
] as const satisfies readonly IncidentKind[];
export type IncidentKind = (typeof INCIDENT_KINDS)[number];
export const INCIDENT_STATUSES = ['OPEN', 'CLOSED'] as const;
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

@Entity('incident')
export class IncidentRow {
  @PrimaryColumn('uuid') id: string;
  /** Names what it is about: one incident is open for it at a time. */
  @Column('text') key: string;
  @Column('text') kind: IncidentKind;
  /** Null where it is of the whole firm, as is `wallet`. */
  @Column('text', { nullable: true }) owner: string | null;
  @Column('text', { nullable: true }) wallet: string | null;
  @Column('jsonb') detail: Readonly<Record<string, string>>;
  @Column('text', { default: 'OPEN' }) status: IncidentStatus;
  @Column('timestamptz', { default: () => 'now()' }) at: Date;
  /** The charter intent that closed it, and what it says. */
  @Column('uuid', { name: 'closed_by', nullable: true }) closedBy: string | null;
  @Column('text', { nullable: true }) resolution: string | null;
  @Column('timestamptz', { name: 'closed_at', nullable: true }) closedAt: Date | null;
}
