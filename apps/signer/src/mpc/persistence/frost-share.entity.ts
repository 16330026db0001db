import type { FrostGroup, SessionPlace } from '@bulkhead/keys';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** This signer's share of a group, sealed by its token. */
@Entity('frost_share')
export class FrostShareRow {
  /** Digest of the announcements of the session that it came of. */
  @PrimaryColumn('text') session: string;
  @Column('text', { name: 'output_key' }) outputKey: string;
  @Column('int') epoch: number;
  @Column('text') wallet: string;
  /**
   * Pending until every member has confirmed, and when another session of the same epoch is put into use instead; retired,
   * and its secret destroyed, once a later epoch is in use.
   */
  @Column('text') state: 'PENDING' | 'ACTIVE' | 'RETIRED';
  @Column('json', { name: 'share_group' }) group: FrostGroup;
  /** What the others' confirmations must be bound to. */
  @Column('json') place: SessionPlace;
  /** Base64; null once it is retired. */
  @Column('text', { nullable: true }) sealed: string | null;
  @Column('timestamptz') at: Date;
}
