import type { Head } from '@bulkhead/charter';
import type { KeyAttributes } from '@bulkhead/keys';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A key that this signer made or destroyed. Each side of it is written once. */
@Entity('key_record')
export class KeyRecordRow {
  /** Compressed point, hex; of a share, its verifying share as the charter names it. */
  @PrimaryColumn('text', { name: 'public_key' }) publicKey: string;
  @Column('text') wallet: string;
  /** As they were read back from the token when it was made; null for a share, and for a key of before there was a record. */
  @Column('json', { nullable: true }) attributes: KeyAttributes | null;
  @Column('timestamptz', { name: 'created_at', nullable: true }) createdAt: Date | null;
  @Column('timestamptz', { name: 'destroyed_at', nullable: true }) destroyedAt: Date | null;
  /** The charter by which it was destroyed. */
  @Column('json', { name: 'destroyed_by', nullable: true }) destroyedBy: Readonly<Record<string, Head>> | null;
}
