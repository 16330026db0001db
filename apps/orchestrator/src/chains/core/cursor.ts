import type { ChainId } from '@bulkhead/intent';
import type { EntityManager } from 'typeorm';
import { BlockRow } from '../persistence/entities.js';

/** The last block of a chain whose entries are in the register; undefined before the chain is followed. */
export async function cursorOf(manager: EntityManager, chain: ChainId): Promise<BlockRow | undefined> {
  const [row] = await manager.find(BlockRow, { where: { chain }, order: { height: 'DESC' }, take: 1 });
  return row;
}
