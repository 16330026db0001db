import { orThrow, type ChainId } from '@bulkhead/intent';
import type { DataSource, EntityManager } from 'typeorm';
import { cursorOf } from '../../chains/core/cursor.js';
import { BlockRow } from '../../chains/persistence/entities.js';
import type { BlockListeners } from './block-listeners.js';
import type { ChainReader } from './chain-reader.js';
import type { RegisterWriter } from './register-writer.js';

/**
 * `MOVED`: the cursor moved, or somebody else moved it; look again at once. `IDLE`: there is nothing new.
 * `BEHIND`: the node has yet to reach the cursor. `NOT_LEADER`: another process is applying a block.
 */
export type Step = 'MOVED' | 'IDLE' | 'BEHIND' | 'NOT_LEADER';

/** The node follows another chain than the one that was followed so far. Nothing is taken back for it. */
export class WrongHistory extends Error {
  constructor(chain: ChainId, height: number) {
    super(`the node of ${chain} does not have the block at height ${String(height)} at which following began`);
    this.name = 'WrongHistory';
  }
}

/**
 * Follows one chain, a block or a reorg of a block at a time. Each is one database transaction with the cursor, so that
 * a process that dies anywhere goes on where it was; several processes cannot apply the same block, since each checks
 * the cursor again under a lock.
 */
export class Follower<Block> {
  private checked = false;

  constructor(
    private readonly database: DataSource,
    private readonly reader: ChainReader<Block>,
    private readonly writer: RegisterWriter,
    private readonly listeners: BlockListeners,
  ) {}

  get chain(): ChainId {
    return this.reader.chain;
  }

  /**
   * Resolves once it is known from which block on this chain is followed. What arrives before that block is never seen,
   * so nobody may be shown an address earlier. The node is asked at the first start only; throws as {@link step} does.
   */
  async begun(): Promise<void> {
    while (!(await cursorOf(this.database.manager, this.chain))) await this.step();
  }

  /** Throws when the node does not answer, or is not the one to follow. */
  async step(): Promise<Step> {
    try {
      if (!this.checked) orThrow(await this.reader.check());
      this.checked = true;
      const cursor = await cursorOf(this.database.manager, this.chain);
      return cursor ? await this.stepFrom(cursor) : await this.begin();
    } catch (error) {
      this.checked = false; // after a fault it may be another node
      throw error;
    }
  }

  /** The first start: from the node's tip, since no address was shown to anybody before it. */
  private async begin(): Promise<Step> {
    const hash = await this.reader.hashAt(await this.reader.tipHeight());
    const block = hash === undefined ? undefined : await this.reader.fetch(hash);
    if (!block) return 'MOVED';
    return this.alone(undefined, (manager) => this.insertBlock(manager, block));
  }

  private async stepFrom(cursor: BlockRow): Promise<Step> {
    const hash = await this.reader.hashAt(cursor.height);
    if (hash !== cursor.hash) {
      if (hash === undefined && !(await this.reader.isOrphaned(cursor.hash))) return 'BEHIND';
      return this.takeBack(cursor);
    }
    const next = await this.reader.hashAt(cursor.height + 1);
    if (next === undefined) return 'IDLE';
    const block = await this.reader.fetch(next);
    if (!block || this.reader.headerOf(block).parent !== cursor.hash) return 'MOVED';
    return this.alone(cursor, async (manager) => {
      const changes = await this.reader.changes(manager, block);
      const { height, hash: blockHash } = await this.insertBlock(manager, block);
      await this.writer.apply(manager, { chain: this.chain, height, hash: blockHash }, changes);
      await this.listeners.notify(manager, this.chain, height);
    });
  }

  private takeBack(cursor: BlockRow): Promise<Step> {
    const { chain, height, hash } = cursor;
    return this.alone(cursor, async (manager) => {
      const isFirst = !(await manager.existsBy(BlockRow, { chain, height: height - 1 }));
      if (isFirst) throw new WrongHistory(chain, height);
      await this.writer.takeBack(manager, { chain, height, hash });
      await manager.delete(BlockRow, { chain, height });
      await this.listeners.notify(manager, chain, height - 1);
    });
  }

  /** Runs a change of the cursor in one transaction: as the only process, and only from where it was decided. */
  private alone(from: BlockRow | undefined, change: (manager: EntityManager) => Promise<unknown>): Promise<Step> {
    return this.database.transaction(async (manager): Promise<Step> => {
      const [lock]: { locked: boolean }[] = await manager.query(
        'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked',
        [`follower:${this.chain}`],
      );
      if (!lock?.locked) return 'NOT_LEADER';
      const cursor = await cursorOf(manager, this.chain);
      if (cursor?.hash === from?.hash) await change(manager);
      return 'MOVED';
    });
  }

  private async insertBlock(manager: EntityManager, block: Block): Promise<BlockRow> {
    const row = { chain: this.chain, ...this.reader.headerOf(block) };
    await manager.insert(BlockRow, row);
    return row;
  }
}
