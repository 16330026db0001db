import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One entry as it was applied. Written once; the database refuses to change or remove it. */
@Entity('charter_entry')
export class CharterEntryRow {
  /** The order in which this signer applied entries, from 0: replayed in it, they give the state again. */
  @PrimaryColumn('int') position: number;
  @Column('text') chain: string;
  @Column('int') sequence: number;
  @Column('text') hash: string;
  /** The entry's canonical JSON (RFC 8785): the very bytes that the hash is of. */
  @Column('text') entry: string;
  @Column('timestamptz', { name: 'applied_at' }) appliedAt: Date;
}
