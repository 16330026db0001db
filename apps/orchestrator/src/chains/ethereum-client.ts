import { accepted, evmChainNumber, refused, type EthereumChainId, type Result } from '@bulkhead/intent';
import { getAddress } from 'ethers/address';
import { keccak256 } from 'ethers/crypto';
import { z } from 'zod';
import type { EthereumNodeConfig } from './config.js';
import { JsonRpc, RpcRefusal } from './json-rpc.js';

const hash = z.string().regex(/^0x[0-9a-f]{64}$/);
const hex = z.string().regex(/^0x([0-9a-f]{2})*$/);
const quantity = z
  .string()
  .regex(/^0x(0|[1-9a-f][0-9a-f]*)$/)
  .transform((text) => BigInt(text));
/** Heights, positions and nonces: far below 2^53. */
const count = quantity.refine((value) => value <= BigInt(Number.MAX_SAFE_INTEGER)).transform(Number);
const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform((text) => getAddress(text.toLowerCase()));

const transactionSchema = z.object({
  hash,
  from: address,
  to: address.nullable(),
  value: quantity,
  input: hex,
});
const headerSchema = z.object({
  number: count,
  hash,
  parentHash: hash,
  baseFeePerGas: quantity.optional(),
});
const blockSchema = headerSchema.extend({ transactions: z.array(transactionSchema) });
const logSchema = z.object({ address, topics: z.array(hash), data: hex, logIndex: count });
const receiptSchema = z.object({
  transactionHash: hash,
  blockHash: hash,
  blockNumber: count,
  status: quantity.transform((status) => status === 1n),
  gasUsed: quantity,
  effectiveGasPrice: quantity,
  logs: z.array(logSchema),
});

/** Addresses are EIP-55, hashes lower-case hex, values wei. */
export type EthereumHeader = Readonly<z.infer<typeof headerSchema>>;
/** `status`: whether it succeeded (EIP-658). */
export type EthereumReceipt = Readonly<z.infer<typeof receiptSchema>>;
export type MinedTransaction = Readonly<z.infer<typeof transactionSchema>> & { readonly receipt: EthereumReceipt };
export type EthereumBlock = EthereumHeader & { readonly transactions: readonly MinedTransaction[] };

/** A block: by height, by name, or by hash (EIP-1898), which no reorg can turn into another. */
export type BlockTag = number | 'latest' | 'pending' | 'safe' | 'finalized' | { readonly blockHash: string };

export interface FeeData {
  readonly baseFeePerGas: bigint;
  /** Wei per gas. */
  readonly maxPriorityFeePerGas: bigint;
  /** Twice the base fee and the tip on top: good for six full blocks (EIP-1559: at most +12.5 % each). */
  readonly maxFeePerGas: bigint;
}

const tagOf = (block: BlockTag): string | { blockHash: string } => {
  if (typeof block === 'number') return `0x${block.toString(16)}`;
  return typeof block === 'string' ? block : { blockHash: block.blockHash };
};

const KNOWN = /already known|already imported|known transaction|already exists|nonce too low|nonce has already/i;

/**
 * An Ethereum node over JSON-RPC. Every method throws a `RefusalError` of `chain.unavailable` when the node does not
 * answer, and `RpcRefusal` when it says no to a read.
 */
export class EthereumClient {
  private readonly rpc: JsonRpc;

  readonly chain: EthereumChainId;

  constructor(config: Pick<EthereumNodeConfig, 'chain' | 'url' | 'timeoutMs'>) {
    this.chain = config.chain;
    this.rpc = new JsonRpc(config.chain, { url: config.url, timeoutMs: config.timeoutMs });
  }

  /** @returns why this is not the node of our chain, or accepted */
  async checkNetwork(): Promise<Result<true>> {
    const id = await this.rpc.call('eth_chainId', [], quantity);
    return id === evmChainNumber(this.chain)
      ? accepted(true)
      : refused('chain.wrong-network', 'The Ethereum node is on another network.', {
          expected: this.chain,
          found: `eip155:${id.toString()}`,
        });
  }

  /** For a library that wants an EIP-1193 provider. Reads only are meant to go this way. */
  request(method: string, params?: readonly unknown[] | object): Promise<unknown> {
    return this.rpc.request(method, params);
  }

  blockNumber(): Promise<number> {
    return this.rpc.call('eth_blockNumber', [], count);
  }

  /** Undefined above the tip. */
  async header(block: number | 'latest' | 'pending'): Promise<EthereumHeader | undefined> {
    const found = await this.rpc.call('eth_getBlockByNumber', [tagOf(block), false], headerSchema.nullable());
    return found ?? undefined;
  }

  /** A block with its transactions and their receipts; undefined when the node does not have it. */
  async block(blockHash: string): Promise<EthereumBlock | undefined> {
    const [block, receipts] = await Promise.all([
      this.rpc.call('eth_getBlockByHash', [blockHash, true], blockSchema.nullable()),
      this.rpc.call('eth_getBlockReceipts', [blockHash], z.array(receiptSchema).nullable()),
    ]);
    if (!block || !receipts) return undefined;
    const byHash = new Map(receipts.map((receipt) => [receipt.transactionHash, receipt]));
    const transactions = block.transactions.flatMap((transaction) => {
      const receipt = byHash.get(transaction.hash);
      return receipt?.blockHash === blockHash ? [{ ...transaction, receipt }] : [];
    });
    return transactions.length === block.transactions.length ? { ...block, transactions } : undefined;
  }

  /** Undefined while the transaction is not mined. */
  async receipt(transactionHash: string): Promise<EthereumReceipt | undefined> {
    const found = await this.rpc.call('eth_getTransactionReceipt', [transactionHash], receiptSchema.nullable());
    return found ?? undefined;
  }

  /** Wei. */
  balance(account: string, block: BlockTag = 'latest'): Promise<bigint> {
    return this.rpc.call('eth_getBalance', [account, tagOf(block)], quantity);
  }

  code(account: string, block: BlockTag = 'latest'): Promise<string> {
    return this.rpc.call('eth_getCode', [account, tagOf(block)], hex);
  }

  /** keccak-256 of the runtime code (EIP-1052), or undefined where there is none. */
  async codeHash(account: string, block: BlockTag = 'latest'): Promise<string | undefined> {
    const code = await this.code(account, block);
    return code === '0x' ? undefined : keccak256(code);
  }

  /** One word of storage, 0x and 64 digits. */
  storage(account: string, slot: bigint, block: BlockTag = 'latest'): Promise<string> {
    return this.rpc.call('eth_getStorageAt', [account, `0x${slot.toString(16)}`, tagOf(block)], hash);
  }

  call(call: { readonly to: string; readonly data: string }, block: BlockTag = 'latest'): Promise<string> {
    return this.rpc.call('eth_call', [call, tagOf(block)], hex);
  }

  /** Gas, or `chain.transaction-rejected` when the node says that it would fail. */
  async estimateGas(call: { from: string; to: string; data: string }): Promise<Result<bigint>> {
    try {
      return accepted(await this.rpc.call('eth_estimateGas', [call], quantity));
    } catch (error) {
      if (error instanceof RpcRefusal) return rejected(error, { to: call.to });
      throw error;
    }
  }

  /** How many transactions an account has sent: the next nonce. `pending` counts those in the node's pool. */
  transactionCount(account: string, block: 'latest' | 'pending'): Promise<number> {
    return this.rpc.call('eth_getTransactionCount', [account, block], count);
  }

  /** Wei per gas. */
  async feeData(): Promise<FeeData> {
    const [latest, tip] = await Promise.all([
      this.rpc.call('eth_getBlockByNumber', ['latest', false], headerSchema),
      this.rpc.call('eth_maxPriorityFeePerGas', [], quantity),
    ]);
    const baseFeePerGas = latest.baseFeePerGas ?? 0n;
    return { baseFeePerGas, maxPriorityFeePerGas: tip, maxFeePerGas: 2n * baseFeePerGas + tip };
  }

  /** Whether the node has this transaction, mined or not. */
  async knowsTransaction(transactionHash: string): Promise<boolean> {
    const found = await this.rpc.call('eth_getTransactionByHash', [transactionHash], z.object({ hash }).nullable());
    return found !== null;
  }

  /**
   * Sends a signed transaction; sending it again, or after it was mined, is no error.
   *
   * @returns its hash, or `chain.transaction-rejected`: the nonce is used by another transaction, no funds, and so on
   */
  async sendRawTransaction(raw: string): Promise<Result<string>> {
    const transactionHash = keccak256(raw);
    try {
      return accepted(await this.rpc.call('eth_sendRawTransaction', [raw], hash));
    } catch (error) {
      if (!(error instanceof RpcRefusal)) throw error;
      const known = KNOWN.test(error.reason) && (await this.knowsTransaction(transactionHash));
      return known ? accepted(transactionHash) : rejected(error, { hash: transactionHash });
    }
  }
}

const rejected = (error: RpcRefusal, facts: Record<string, string>): Result<never> =>
  refused('chain.transaction-rejected', 'The Ethereum node does not take the transaction.', {
    ...facts,
    reason: error.reason,
    ...(typeof error.data === 'string' ? { data: error.data.slice(0, 300) } : {}),
  });
