import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A coin or a nonce, and the one payload that it is for, for good (invariant 7). Written once, before any signature. */
@Entity('commitment')
export class CommitmentRow {
  /** `<chain>/coin:<txid>:<vout>`, `<chain>/safe:<address>:<nonce>` or `<chain>/gas:<address>:<nonce>`. */
  @PrimaryColumn('text') resource: string;
  @Column('text', { name: 'payload_digest' }) payloadDigest: string;
  @Column('text', { name: 'intent_digest', nullable: true }) intentDigest: string | null;
  @Column('text') wallet: string;
  @Column('timestamptz') at: Date;
}
