import type { AssetId, ChainId } from '@bulkhead/intent';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CoinStatus } from '../core/block-changes.js';

/** PENDING: too few confirmations. CREDITED: can be spent. QUARANTINED: held. REVERSED: its block is gone. */
export const DEPOSIT_STATUSES = ['PENDING', 'CREDITED', 'QUARANTINED', 'REVERSED'] as const;
export type DepositStatus = (typeof DEPOSIT_STATUSES)[number];

@Entity('deposit')
export class DepositRow {
  @PrimaryColumn('uuid') id: string;
  @Column('text') chain: ChainId;
  @Column('text') asset: AssetId;
  @Column('text') wallet: string;
  @Column('text') owner: string;
  @Column('text') address: string;
  @Column('text', { name: 'tx_id' }) txId: string;
  @Column('text') position: string;
  @Column('numeric', { precision: 78, scale: 0 }) amount: string;
  @Column('jsonb') sources: string[];
  @Column('text', { name: 'block_hash' }) blockHash: string;
  @Column('int') height: number;
  @Column('int', { name: 'due_height' }) dueHeight: number;
  @Column('text') status: DepositStatus;
  @Column('text', { name: 'credited_block', nullable: true }) creditedBlock: string | null;
  @Column('timestamptz', { name: 'created_at', default: () => 'now()' }) createdAt: Date;
}

/** An unspent or spent output of a Bitcoin wallet, as the followed blocks have it. */
@Entity('coin')
export class CoinRow {
  @PrimaryColumn('text') chain: ChainId;
  @PrimaryColumn('text') txid: string;
  @PrimaryColumn('int') vout: number;
  @Column('text') wallet: string;
  @Column('text') owner: string;
  @Column('text') address: string;
  @Column('smallint') branch: 0 | 1;
  @Column('int') idx: number;
  @Column('numeric', { precision: 78, scale: 0 }) amount: string;
  @Column('text') status: CoinStatus;
  @Column('text', { name: 'raw_transaction' }) rawTransaction: string;
  @Column('text', { name: 'block_hash' }) blockHash: string;
  @Column('int') height: number;
  @Column('text', { name: 'spent_by', nullable: true }) spentBy: string | null;
  @Column('text', { name: 'spent_block', nullable: true }) spentBlock: string | null;
  @Column('int', { name: 'spent_height', nullable: true }) spentHeight: number | null;
}

/** A mined transaction that touches an address of ours. */
@Entity('chain_transaction')
export class ChainTransactionRow {
  @PrimaryColumn('text') chain: ChainId;
  @PrimaryColumn('text', { name: 'tx_id' }) txId: string;
  @Column('text', { name: 'block_hash' }) blockHash: string;
  @Column('int') height: number;
  @Column('boolean') succeeded: boolean;
  @Column('numeric', { precision: 78, scale: 0, nullable: true }) fee: string | null;
}

/** A transaction that a Safe of ours executed, whoever sent it. */
@Entity('safe_execution')
export class SafeExecutionRow {
  @PrimaryColumn('text') chain: ChainId;
  @PrimaryColumn('text', { name: 'safe_tx_hash' }) safeTxHash: string;
  @Column('text', { name: 'tx_id' }) txId: string;
  @Column('text', { name: 'block_hash' }) blockHash: string;
  @Column('int') height: number;
  @Column('boolean') succeeded: boolean;
}
