import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a payload that this signer agreed to sign pays: counted against its own limits. Written once. */
@Entity('spend')
export class SpendRow {
  @PrimaryColumn('text', { name: 'payload_digest' }) payloadDigest: string;
  @Column('text') wallet: string;
  @Column('text') asset: string;
  @Column('numeric', { precision: 78, scale: 0 }) amount: string;
  @Column('timestamptz') at: Date;
}
