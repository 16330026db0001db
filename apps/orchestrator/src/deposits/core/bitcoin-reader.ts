import { accepted, type BitcoinChainId, type Result } from '@bulkhead/intent';
import type { EntityManager } from 'typeorm';
import type { BitcoinBlock, BitcoinClient } from '../../chains/bitcoin-client.js';
import { mentionedInBitcoinBlock, readBitcoinBlock } from './bitcoin-block.js';
import type { BlockChanges } from './block-changes.js';
import type { BlockHeader, ChainReader } from './chain-reader.js';
import { knownTransfers, unspentCoins, watchedAddresses } from './lookups.js';

const ZERO_HASH = '0'.repeat(64);

/** Bitcoin as its follower sees it. */
export class BitcoinReader implements ChainReader<BitcoinBlock> {
  readonly chain: BitcoinChainId;

  constructor(
    private readonly client: BitcoinClient,
    private readonly confirmations: number,
  ) {
    this.chain = client.chain;
  }

  async check(): Promise<Result<true>> {
    const network = await this.client.checkNetwork();
    return network.ok ? accepted(true) : network;
  }

  tipHeight(): Promise<number> {
    return this.client.blockCount();
  }

  hashAt(height: number): Promise<string | undefined> {
    return this.client.blockHash(height);
  }

  isOrphaned(hash: string): Promise<boolean> {
    return this.client.isOrphaned(hash);
  }

  fetch(hash: string): Promise<BitcoinBlock | undefined> {
    return this.client.block(hash);
  }

  headerOf({ height, hash, parent }: BitcoinBlock): BlockHeader {
    return { height, hash, parent: parent ?? ZERO_HASH };
  }

  async changes(manager: EntityManager, block: BitcoinBlock): Promise<BlockChanges> {
    const { chain, confirmations } = this;
    const { addresses, outpoints } = mentionedInBitcoinBlock(block);
    const watched = await watchedAddresses(manager, chain, addresses);
    const coin = await unspentCoins(manager, chain, outpoints);
    const txids = new Set(block.transactions.map(({ txid }) => txid));
    const transfer = await knownTransfers(manager, chain, 'tx_id', txids);
    return readBitcoinBlock(block, { chain, confirmations, watched, coin, transfer });
  }
}
