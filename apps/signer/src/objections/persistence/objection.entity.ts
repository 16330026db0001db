import type { Approval } from '@bulkhead/approval';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a member has said against a transfer, signed. Written once: it holds for good. */
@Entity('objection')
export class ObjectionRow {
  @PrimaryColumn('text', { name: 'intent_digest' }) intentDigest: string;
  @PrimaryColumn('text') member: string;
  @PrimaryColumn('text') decision: string;
  @Column('json') approval: Approval;
  @Column('timestamptz') at: Date;
}
