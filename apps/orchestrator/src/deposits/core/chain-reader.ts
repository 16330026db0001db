import type { ChainId, Result } from '@bulkhead/intent';
import type { EntityManager } from 'typeorm';
import type { BlockChanges } from './block-changes.js';

export interface BlockHeader {
  readonly height: number;
  readonly hash: string;
  readonly parent: string;
}

/** What a follower needs to know of a chain. Methods that ask the node throw when it does not answer. */
export interface ChainReader<Block = unknown> {
  readonly chain: ChainId;
  /** Whether this is the node to follow: of the right network, with the right contracts. */
  check(): Promise<Result<true>>;
  tipHeight(): Promise<number>;
  /** The hash at a height of the node's best chain; undefined above its tip. */
  hashAt(height: number): Promise<string | undefined>;
  /** Whether the node says of a block that it is not in its best chain; false when it does not know it. */
  isOrphaned(hash: string): Promise<boolean>;
  /** The whole block; undefined when the node does not have it (any more). */
  fetch(hash: string): Promise<Block | undefined>;
  headerOf(block: Block): BlockHeader;
  /** What the block changes, read against the register as `manager` sees it. */
  changes(manager: EntityManager, block: Block): Promise<BlockChanges>;
}
