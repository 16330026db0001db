import type { AssetId, ChainId } from '@bulkhead/intent';
import type { EntityManager } from 'typeorm';

/** A block up to which the register of positions has been written. */
export interface Checkpoint {
  readonly chain: ChainId;
  readonly height: number;
  readonly hash: string;
}

/** What one wallet holds of one asset on chain, in the asset's smallest unit. */
export interface ChainBalance {
  readonly wallet: string;
  readonly asset: AssetId;
  readonly amount: bigint;
}

/** Nest injection token of {@link ChainBalances}. */
export const CHAIN_BALANCES = Symbol('CHAIN_BALANCES');

/** The chains as reconciliation sees them. The block followers implement it. */
export interface ChainBalances {
  /**
   * The follower's cursor: the last block whose entries are in the register. It is read through `manager`, so that
   * cursor and register come from one snapshot of the database. Undefined: this chain has not been followed yet.
   */
  checkpoint(manager: EntityManager, chain: ChainId): Promise<Checkpoint | undefined>;

  /**
   * What the chain itself says these wallets hold at exactly that block: one line for each wallet and each asset that
   * is watched on the chain, zeros included.
   *
   * Bitcoin: one `scantxoutset` over both branch descriptors of every wallet's address window; its `bestblock` must
   * equal the checkpoint. EVM: `eth_getBalance` and `balanceOf` at the block, whose hash must still be the checkpoint's.
   * Gives 'MOVED' when the chain no longer stands at the checkpoint: the caller takes a new one and asks again.
   * Throws when the node does not answer.
   */
  balancesAt(checkpoint: Checkpoint, wallets: readonly string[]): Promise<readonly ChainBalance[] | 'MOVED'>;
}
