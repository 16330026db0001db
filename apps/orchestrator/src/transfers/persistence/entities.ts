import type { Approval } from '@bulkhead/approval';
import type { IntentPurpose, Payload, Refusal, TransferIntent } from '@bulkhead/intent';
import type { Attestation } from '@bulkhead/policy';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TransferState } from '../core/transitions.js';

@Entity('transfer')
export class TransferRow {
  @PrimaryColumn('uuid') id: string;
  @Column('char', { length: 64, name: 'intent_digest' }) intentDigest: string;
  @Column('jsonb') intent: TransferIntent;
  @Column('jsonb') proposal: Approval;
  @Column('text') owner: string;
  @Column('text') wallet: string;
  @Column('text') chain: string;
  @Column('text') asset: string;
  @Column('numeric', { precision: 78, scale: 0 }) amount: string;
  @Column('text') payee: string;
  @Column('text') purpose: IntentPurpose;
  @Column('text') state: TransferState;
  @Column('int', { default: 0 }) version: number;
  /** What attestors say of it, as it was handed in last. */
  @Column('jsonb', { default: [] }) attestations: Attestation[];
  @Column('jsonb', { nullable: true }) payload: Payload | null;
  @Column('char', { length: 64, name: 'payload_digest', nullable: true }) payloadDigest: string | null;
  /** What the chain will know the bytes by, whoever sends them: the Bitcoin txid, or the Safe transaction hash. */
  @Column('text', { name: 'payload_id', nullable: true }) payloadId: string | null;
  @Column('numeric', { precision: 78, scale: 0, nullable: true }) fee: string | null;
  @Column('text', { name: 'raw_transaction', nullable: true }) rawTransaction: string | null;
  @Column('text', { name: 'tx_id', nullable: true }) txId: string | null;
  @Column('text', { name: 'safe_tx_hash', nullable: true }) safeTxHash: string | null;
  @Column('jsonb', { nullable: true }) refusal: Refusal | null;
  @Column('timestamptz', { name: 'created_at', default: () => 'now()' }) createdAt: Date;
  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' }) updatedAt: Date;
}

@Entity('transfer_signature')
export class TransferSignatureRow {
  @PrimaryColumn('uuid') transfer: string;
  @PrimaryColumn('text') signer: string;
  @Column('jsonb') signatures: StoredSignature[];
}

/** One signature of one signer, as it was verified on arrival. */
export interface StoredSignature {
  /** The PSBT input; null for a Safe transaction. */
  readonly inputIndex: number | null;
  readonly publicKey: string;
  /** r || s, 64 bytes in hex, low-S. */
  readonly signature: string;
}
