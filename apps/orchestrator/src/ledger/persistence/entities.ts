import type { Account, EntryKind } from '@bulkhead/ledger';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { StoredReport } from './stored-report.js';

/** Rows are written once: triggers refuse every change. */
@Entity('journal_entry')
export class JournalEntryRow {
  @PrimaryColumn('bigint', { generated: 'identity' }) id: string;
  @Column('text') reference: string;
  @Column('int') generation: number;
  @Column('text') owner: string;
  @Column('text') kind: EntryKind;
  @Column('text', { nullable: true }) chain: string | null;
  @Column('int', { name: 'block_height', nullable: true }) blockHeight: number | null;
  @Column('text', { name: 'block_hash', nullable: true }) blockHash: string | null;
  /** The entry that this one takes back. */
  @Column('bigint', { nullable: true }) reverses: string | null;
  @Column('smallint', { name: 'posting_count' }) postingCount: number;
  @Column('timestamptz', { name: 'created_at', default: () => 'now()' }) createdAt: Date;
}

@Entity('posting')
export class PostingRow {
  @PrimaryColumn('bigint') entry: string;
  @PrimaryColumn('smallint') position: number;
  @Column('text') owner: string;
  @Column('text') account: Account;
  @Column('text', { nullable: true }) wallet: string | null;
  @Column('text') asset: string;
  @Column('numeric', { precision: 78, scale: 0 }) amount: string;
}

@Entity('wallet_freeze')
export class WalletFreezeRow {
  @PrimaryColumn('text') wallet: string;
  @Column('text') reason: string;
  @Column('text') incident: string;
  @Column('timestamptz', { default: () => 'now()' }) at: Date;
}

@Entity('reconciliation')
export class ReconciliationRow {
  @PrimaryColumn('bigint', { generated: 'identity' }) id: string;
  @Column('timestamptz') at: Date;
  @Column('boolean') balanced: boolean;
  @Column('jsonb') report: StoredReport;
}
