import type { SignedMessage } from '@bulkhead/keys';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What the other members confirmed of a share that was put into use: with it, one that was left behind can follow. */
@Entity('frost_confirmation')
export class FrostConfirmationRow {
  /** Of the share. */
  @PrimaryColumn('text') session: string;
  @Column('json') messages: readonly SignedMessage[];
}
