import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Of a transfer, all that limits are counted by. Rows of before there were such limits name the wallet alone. */
export abstract class SpendColumns {
  @Column('text') wallet: string;
  @Column('text') owner: string;
  @Column('text') asset: string;
  @Column('text') payee: string;
  @Column('text') initiator: string;
  @Column('text') purpose: string;
  @Column('numeric', { precision: 78, scale: 0 }) amount: string;
  @Column('timestamptz') at: Date;
}

/** What a payload that this signer agreed to sign pays: counted against limits, its own and the charter's. Written once. */
@Entity('spend')
export class SpendRow extends SpendColumns {
  @PrimaryColumn('text', { name: 'payload_digest' }) payloadDigest: string;
}
