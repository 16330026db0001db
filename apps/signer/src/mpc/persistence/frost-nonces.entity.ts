import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The nonces of one signing. They are used once: their secret is destroyed before a share of theirs is made. */
@Entity('frost_nonces')
export class FrostNoncesRow {
  /** Random, 32 bytes, hex. */
  @PrimaryColumn('text') id: string;
  @Column('text') wallet: string;
  /** The share that they go with. */
  @Column('text') session: string;
  @Column('text', { name: 'payload_digest' }) payloadDigest: string;
  /** Base64; null once they are used. */
  @Column('text', { nullable: true }) sealed: string | null;
  @Column('timestamptz') at: Date;
  @Column('timestamptz', { name: 'used_at', nullable: true }) usedAt: Date | null;
  /** What they were used for: by input, 32 bytes in hex. */
  @Column('json', { nullable: true }) digests: readonly { inputIndex: number; digest: string }[] | null;
  /** When a share of theirs was given: just before it leaves. */
  @Column('timestamptz', { name: 'given_at', nullable: true }) givenAt: Date | null;
  /** When the signature that they were used for was shown. */
  @Column('timestamptz', { name: 'completed_at', nullable: true }) completedAt: Date | null;
}
