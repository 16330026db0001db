import { Column, Entity, PrimaryColumn } from 'typeorm';
import { SpendColumns } from '../../signing/persistence/spend.entity.js';

/** A transfer that another signer has agreed to, as it told. Written once. */
@Entity('peer_spend')
export class PeerSpendRow extends SpendColumns {
  @PrimaryColumn('text') signer: string;
  /** Of the decision in that signer's chain. */
  @PrimaryColumn('int') position: number;
  @Column('text', { name: 'payload_digest' }) payloadDigest: string;
}

/** Up to where another signer's decisions are known here. */
@Entity('peer_cursor')
export class PeerCursorRow {
  @PrimaryColumn('text') signer: string;
  @Column('int') count: number;
  @Column('text') hash: string;
}
