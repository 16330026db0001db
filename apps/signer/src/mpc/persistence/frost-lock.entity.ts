import { Column, Entity, PrimaryColumn } from 'typeorm';

/** That a group was locked, and how many charter entries this signer had applied then. Written once. */
@Entity('frost_lock')
export class FrostLockRow {
  @PrimaryColumn('text') wallet: string;
  @PrimaryColumn('int') entries: number;
  @Column('timestamptz') at: Date;
}
