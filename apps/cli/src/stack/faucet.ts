import { bitcoinAmount, BitcoinRpcError, type BitcoinRpc } from './bitcoin-rpc.js';

const WALLET = 'faucet';
/** A coinbase can be spent 100 blocks later (consensus rule COINBASE_MATURITY), so this leaves ten to spend. */
const FIRST_BLOCKS = 110;
const RPC_WALLET_NOT_FOUND = -18;
const RPC_WALLET_ALREADY_LOADED = -35;

/** A wallet of the Bitcoin node that stands for the outside world: it mines, and it pays deposits. */
export class Faucet {
  readonly #wallet: BitcoinRpc;

  constructor(private readonly node: BitcoinRpc) {
    this.#wallet = node.withWallet(WALLET);
  }

  /** Loads the wallet, or makes it at the first start. */
  async open(): Promise<void> {
    try {
      await this.node.call('loadwallet', WALLET);
    } catch (error) {
      const code = error instanceof BitcoinRpcError ? error.code : undefined;
      if (code === RPC_WALLET_ALREADY_LOADED) return;
      if (code !== RPC_WALLET_NOT_FOUND) throw error;
      await this.node.call('createwallet', WALLET);
    }
  }

  /** Mines the first coins when the chain has none to spend. */
  async fill(): Promise<void> {
    const missing = FIRST_BLOCKS - (await this.node.call<number>('getblockcount'));
    if (missing > 0) await this.mine(missing);
  }

  /** @returns an address of the outside world, bech32 */
  address(): Promise<string> {
    return this.#wallet.call<string>('getnewaddress', '', 'bech32');
  }

  /**
   * Pays from the outside world.
   * @returns the transaction's id; it is not mined yet
   */
  pay(address: string, amountSatoshi: bigint): Promise<string> {
    return this.#wallet.call<string>('sendtoaddress', address, bitcoinAmount(amountSatoshi));
  }

  /**
   * Mines blocks to the outside world and has them written to disk: on a network, a node that is killed gets its blocks
   * back from others; here there are none.
   * @returns the blocks' hashes
   */
  async mine(blocks = 1): Promise<string[]> {
    const hashes = await this.node.call<string[]>('generatetoaddress', blocks, await this.address());
    await this.node.call('gettxoutsetinfo', 'none'); // documented to flush the chain state first
    return hashes;
  }
}
