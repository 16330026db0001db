import { Column, Entity, PrimaryColumn } from 'typeorm';
import { SpendColumns } from './spend.entity.js';

/** A transfer that this signer is deciding on, for the others to see. It becomes a spend or goes away. */
@Entity('tentative')
export class TentativeRow extends SpendColumns {
  /** Of the request: the same payload may be asked for twice at once. */
  @PrimaryColumn('uuid') id: string;
  @Column('text', { name: 'payload_digest' }) payloadDigest: string;
}
