import type { SignedDecision } from '@bulkhead/policy';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a signer decided, as it signed it. Written once. */
@Entity('signer_decision')
export class SignerDecisionRow {
  @PrimaryColumn('text') signer: string;
  /** Of the record. */
  @PrimaryColumn('char', { length: 64 }) hash: string;
  /** In the signer's chain. Two records at one place are evidence, and both are kept. */
  @Column('int') position: number;
  /** The transfer that it was asked about; null for gas, and where it is not known here. */
  @Column('uuid', { nullable: true }) transfer: string | null;
  @Column('jsonb') decision: SignedDecision;
}

/** How far a signer's chain of decisions has been followed, and was whole. */
@Entity('signer_record')
export class SignerRecordRow {
  @PrimaryColumn('text') signer: string;
  @Column('int') count: number;
  @Column('char', { length: 64 }) hash: string;
}
