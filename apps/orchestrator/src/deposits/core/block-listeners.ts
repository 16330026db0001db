import { Injectable } from '@nestjs/common';
import type { ChainId } from '@bulkhead/intent';
import type { EntityManager } from 'typeorm';

/** Told of each block that was applied, and after each that was taken back, in the same transaction. */
export type BlockListener = (manager: EntityManager, chain: ChainId, height: number) => Promise<void>;

/** Who wants to know when the register moves on. Listeners enqueue jobs; they do no work of their own. */
@Injectable()
export class BlockListeners {
  private readonly listeners: BlockListener[] = [];

  add(listener: BlockListener): void {
    this.listeners.push(listener);
  }

  async notify(manager: EntityManager, chain: ChainId, height: number): Promise<void> {
    for (const listener of this.listeners) await listener(manager, chain, height);
  }
}
