import type { Approval } from '@bulkhead/approval';
import type { CharterEntry, CharterIntent } from '@bulkhead/charter';
import type { Refusal } from '@bulkhead/intent';
import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

@Entity('charter_entry')
export class CharterEntryRow {
  @PrimaryGeneratedColumn({ type: 'bigint' }) position: string;
  @Column('text') chain: string;
  @Column('int') sequence: number;
  @Column('char', { length: 64 }) hash: string;
  @Column('jsonb') entry: CharterEntry;
  @Column('timestamptz', { name: 'enacted_at' }) enactedAt: Date;
}

export type CharterIntentStatus = 'PENDING_APPROVAL' | 'ENACTED' | 'REJECTED' | 'LAPSED';

@Entity('charter_intent')
export class CharterIntentRow {
  @PrimaryColumn('uuid') id: string;
  @Column('char', { length: 64 }) digest: string;
  @Column('jsonb') intent: CharterIntent;
  @Column('jsonb') proposal: Approval;
  @Column('text') status: CharterIntentStatus;
  @Column('jsonb', { nullable: true }) refusal: Refusal | null;
  @Column('timestamptz', { name: 'created_at', default: () => 'now()' }) createdAt: Date;
}

@Entity('approval')
export class ApprovalRow {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id: string;
  @Column('char', { length: 64, name: 'intent_digest' }) intentDigest: string;
  @Column('text') member: string;
  @Column('text') person: string;
  @Column('text') decision: 'APPROVE' | 'REJECT' | 'WITHDRAW';
  @Column('jsonb') approval: Approval;
}
