import type { ChainId } from '@bulkhead/intent';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A block whose entries are in the register. The highest one of a chain is that follower's cursor. */
@Entity('block')
export class BlockRow {
  @PrimaryColumn('text') chain: ChainId;
  @PrimaryColumn('int') height: number;
  @Column('text') hash: string;
  @Column('text') parent: string;
}
