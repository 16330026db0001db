import { readFile } from 'node:fs/promises';
import { addressOfScript, decodeTransaction, type BitcoinTransaction } from '@bulkhead/bitcoin';
import { accepted, BITCOIN_NETWORKS, orThrow, refused, type BitcoinChainId, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import type { BitcoinNodeConfig } from './config.js';
import { JsonRpc, RpcRefusal } from './json-rpc.js';

/** A transaction in a block. */
export interface MinedBitcoinTransaction extends BitcoinTransaction {
  /** The address of each coin spent, by outpoint `txid:vout`; none for a script without an address. */
  readonly spentAddresses: ReadonlyMap<string, string>;
  /** Lower-case hex, with witnesses. */
  readonly raw: string;
}

export interface BitcoinBlock {
  readonly height: number;
  readonly hash: string;
  readonly parent: string | undefined;
  readonly transactions: readonly MinedBitcoinTransaction[];
}

/** A BIP-380 descriptor, and how many addresses of it are meant when it ends in a wildcard; null when it has none. */
export interface ScannedDescriptor {
  readonly descriptor: string;
  readonly count: number | null;
}

/** What is unspent, as one block leaves it. */
export interface UnspentAtBlock {
  readonly height: number;
  readonly hash: string;
  readonly coins: readonly {
    readonly outpoint: string;
    readonly address: string | undefined;
    readonly amountSat: bigint;
  }[];
}

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const decimal = z.string().regex(/^\d{1,8}(\.\d{1,8})?$/);
const blockSchema = z.object({
  hash,
  height: z.int(),
  previousblockhash: hash.optional(),
  tx: z.array(
    z.object({
      hex: z.string(),
      vin: z.array(
        z.object({
          txid: hash.optional(),
          vout: z.int().optional(),
          prevout: z.object({ scriptPubKey: z.object({ address: z.string().optional() }) }).optional(),
        }),
      ),
    }),
  ),
});
const unspentSchema = z.object({
  success: z.literal(true),
  height: z.int(),
  bestblock: hash,
  unspents: z.array(z.object({ txid: hash, vout: z.int(), scriptPubKey: z.string(), amount: decimal })),
});

const SCAN_TIMEOUT_MS = 600_000;

/** Error codes of Bitcoin Core's rpc/protocol.h. */
const INVALID_PARAMETER = -8;
const NOT_FOUND = -5;
const ALREADY_IN_CHAIN = -27;

/** Amounts of JSON-RPC are bitcoin with eight decimals; ours are satoshi. */
const satOf = (bitcoin: string): bigint => {
  const [whole = '0', fraction = ''] = bitcoin.split('.');
  return BigInt(whole) * 100_000_000n + BigInt(fraction.padEnd(8, '0'));
};

/**
 * A Bitcoin Core node over JSON-RPC. Every method throws a `RefusalError` of `chain.unavailable` when the node
 * does not answer.
 */
export class BitcoinClient {
  private readonly rpc: JsonRpc;
  private readonly slowRpc: JsonRpc;
  #cookie: string | undefined;
  #scan: Promise<unknown> = Promise.resolve();

  readonly chain: BitcoinChainId;

  constructor(private readonly config: BitcoinNodeConfig) {
    this.chain = config.chain;
    const options = {
      url: config.url,
      timeoutMs: config.timeoutMs,
      authorization: (fresh: boolean) => this.authorization(fresh),
      decimalKeys: new Set(['amount', 'feerate']),
    };
    this.rpc = new JsonRpc(config.chain, options);
    this.slowRpc = new JsonRpc(config.chain, { ...options, timeoutMs: SCAN_TIMEOUT_MS });
  }

  /** @returns why this is not the node of our chain, or accepted */
  async checkNetwork(): Promise<Result<true>> {
    const genesis = await this.rpc.call('getblockhash', [0], hash);
    return this.chain === `bip122:${genesis.slice(0, 32)}`
      ? accepted(true)
      : refused('chain.wrong-network', 'The Bitcoin node is on another network.', {
          expected: BITCOIN_NETWORKS[this.chain],
          genesis,
        });
  }

  /** Height of the node's best block. */
  blockCount(): Promise<number> {
    return this.rpc.call('getblockcount', [], z.int());
  }

  /** The hash in the best chain, or undefined above its tip. */
  async blockHash(height: number): Promise<string | undefined> {
    return this.unless(INVALID_PARAMETER, () => this.rpc.call('getblockhash', [height], hash));
  }

  /** Whether the node knows this block and has another in its place. */
  async isOrphaned(blockHash: string): Promise<boolean> {
    const schema = z.object({ confirmations: z.int() });
    const header = await this.unless(NOT_FOUND, () => this.rpc.call('getblockheader', [blockHash], schema));
    return header !== undefined && header.confirmations < 0;
  }

  /** A block with the addresses that its inputs spend from; undefined when the node does not have it. */
  async block(blockHash: string): Promise<BitcoinBlock | undefined> {
    const found = await this.unless(NOT_FOUND, () => this.rpc.call('getblock', [blockHash, 3], blockSchema));
    if (!found) return undefined;
    return {
      height: found.height,
      hash: found.hash,
      parent: found.previousblockhash,
      transactions: found.tx.map(({ hex, vin }) => ({
        // Amounts and scripts come from the bytes; the node adds only where spent coins lay.
        ...orThrow(decodeTransaction(hex, this.chain)),
        raw: hex,
        spentAddresses: new Map(
          vin.flatMap(({ txid, vout, prevout }) =>
            txid !== undefined && vout !== undefined && prevout?.scriptPubKey.address !== undefined
              ? [[`${txid}:${String(vout)}`, prevout.scriptPubKey.address] as const]
              : [],
          ),
        ),
      })),
    };
  }

  /** Raw transaction, lower-case hex; undefined when the node has it neither in its mempool nor (txindex) in a block. */
  rawTransaction(txid: string, blockHash?: string): Promise<string | undefined> {
    const params = blockHash === undefined ? [txid, false] : [txid, false, blockHash];
    return this.unless(NOT_FOUND, () => this.rpc.call('getrawtransaction', params, z.string()));
  }

  /**
   * Sends a transaction; sending it again, or after it was mined, is no error.
   *
   * @returns its txid, or `chain.transaction-rejected` with the node's reason
   */
  async sendRawTransaction(raw: string): Promise<Result<string>> {
    const decoded = decodeTransaction(raw, this.chain);
    if (!decoded.ok) return decoded;
    const { txid } = decoded.value;
    try {
      return accepted(await this.rpc.call('sendrawtransaction', [raw], hash));
    } catch (error) {
      if (!(error instanceof RpcRefusal)) throw error;
      if (error.code === ALREADY_IN_CHAIN) return accepted(txid);
      if ((await this.rawTransaction(txid)) !== undefined) return accepted(txid);
      return refused('chain.transaction-rejected', 'The Bitcoin node does not take the transaction.', {
        txid,
        reason: error.reason,
      });
    }
  }

  /** Whether the mempool would take it (Bitcoin Core's policy; a check, not the network's rule). */
  async testMempoolAccept(raw: string): Promise<Result<true>> {
    const [verdict] = await this.rpc.call(
      'testmempoolaccept',
      [[raw]],
      z.array(z.object({ allowed: z.boolean(), 'reject-reason': z.string().optional() })).length(1),
    );
    return verdict?.allowed === true
      ? accepted(true)
      : refused('chain.transaction-rejected', 'The Bitcoin node would not take the transaction.', {
          reason: verdict?.['reject-reason'] ?? 'unknown',
        });
  }

  /**
   * Every unspent coin of these descriptors' first addresses, from the node's own set of unspent outputs. The node
   * derives the addresses itself. On a large chain it takes minutes; one scan runs at a time.
   */
  unspent(descriptors: readonly ScannedDescriptor[]): Promise<UnspentAtBlock> {
    const scan = this.#scan.then(() => this.scan(descriptors));
    this.#scan = scan.catch(() => undefined);
    return scan;
  }

  private async scan(descriptors: readonly ScannedDescriptor[]): Promise<UnspentAtBlock> {
    const objects = descriptors.map(({ descriptor, count }) =>
      count === null ? descriptor : { desc: descriptor, range: [0, count - 1] },
    );
    const found = await this.slowRpc.call('scantxoutset', ['start', objects], unspentSchema);
    return {
      height: found.height,
      hash: found.bestblock,
      coins: found.unspents.map((coin) => ({
        outpoint: `${coin.txid}:${String(coin.vout)}`,
        address: addressOfScript(Buffer.from(coin.scriptPubKey, 'hex'), this.chain),
        amountSat: satOf(coin.amount),
      })),
    };
  }

  /** What to pay per virtual byte to be mined within so many blocks: never less than the configured floor. */
  async feeRateSatVb(targetBlocks: number): Promise<number> {
    const { feerate } = await this.rpc.call(
      'estimatesmartfee',
      [targetBlocks],
      z.object({ feerate: decimal.optional() }),
    );
    const perVb = feerate === undefined ? 0n : (satOf(feerate) + 999n) / 1000n;
    const floor = BigInt(this.config.feeRateFloorSatVb);
    return Number(perVb > floor ? perVb : floor);
  }

  private async unless<T>(code: number, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof RpcRefusal && error.code === code) return undefined;
      throw error;
    }
  }

  private async authorization(fresh: boolean): Promise<string> {
    if (fresh || this.#cookie === undefined) this.#cookie = (await readFile(this.config.cookieFile, 'utf8')).trim();
    return `Basic ${Buffer.from(this.#cookie, 'utf8').toString('base64')}`;
  }
}
