import { safeContractsOf, type CharterState } from '@bulkhead/charter';
import { erc20Asset, refused, type EthereumChainId, type Result } from '@bulkhead/intent';
import type { EntityManager } from 'typeorm';
import type { EthereumBlock, EthereumClient } from '../../chains/ethereum-client.js';
import type { SafeGateway } from '../../chains/safe-gateway.js';
import type { BlockChanges } from './block-changes.js';
import type { BlockHeader, ChainReader } from './chain-reader.js';
import { mentionedInEthereumBlock, readEthereumBlock } from './ethereum-block.js';
import { knownTransfers, watchedAddresses } from './lookups.js';

/** What followers need of the charter: the Safe contracts that it pins, and the tokens that it lists. */
export interface CharterView {
  state(): Promise<CharterState | undefined>;
}

/** Ethereum as its follower sees it. */
export class EthereumReader implements ChainReader<EthereumBlock> {
  readonly chain: EthereumChainId;

  constructor(
    private readonly client: EthereumClient,
    private readonly safes: SafeGateway,
    private readonly charter: CharterView,
    private readonly confirmations: number,
  ) {
    this.chain = client.chain;
  }

  /** The node's network, and the code of every contract that the charter pins. */
  async check(): Promise<Result<true>> {
    const network = await this.client.checkNetwork();
    if (!network.ok) return network;
    const state = await this.charter.state();
    return state
      ? this.safes.checkContracts(safeContractsOf(state))
      : refused('charter.behind', 'The charter has no genesis yet.');
  }

  tipHeight(): Promise<number> {
    return this.client.blockNumber();
  }

  async hashAt(height: number): Promise<string | undefined> {
    return (await this.client.header(height))?.hash;
  }

  /** Nodes forget blocks that are not in their best chain: what they do not know may be behind or ahead of them. */
  isOrphaned(): Promise<boolean> {
    return Promise.resolve(false);
  }

  fetch(hash: string): Promise<EthereumBlock | undefined> {
    return this.client.block(hash);
  }

  headerOf({ number, hash, parentHash }: EthereumBlock): BlockHeader {
    return { height: number, hash, parent: parentHash };
  }

  async changes(manager: EntityManager, block: EthereumBlock): Promise<BlockChanges> {
    const { chain, confirmations } = this;
    const state = await this.charter.state();
    if (!state) throw new Error('a chain is followed only after the genesis');
    const contracts = safeContractsOf(state);
    const { addresses, safeTxHashes } = mentionedInEthereumBlock(block, contracts);
    const transfer = await knownTransfers(manager, chain, 'safe_tx_hash', safeTxHashes);
    // what a transfer of ours pays without any log must be looked up, too
    for (const hash of safeTxHashes) {
      const known = transfer(hash);
      if (known) addresses.add(known.payee);
    }
    const watched = await watchedAddresses(manager, chain, addresses);
    const isListed = (token: string): boolean => state.assets.has(erc20Asset(chain, token));
    return readEthereumBlock(block, { chain, confirmations, contracts, watched, isListed, transfer });
  }
}
