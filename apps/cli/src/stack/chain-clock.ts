import { setTimeout as sleep } from 'node:timers/promises';
import { BitcoinRpc } from './bitcoin-rpc.js';
import { EthereumRpc } from './ethereum-rpc.js';
import { Faucet } from './faucet.js';

/** Blocks on top of one with transactions: enough for what waits for confirmations, and then the chain rests. */
const CONFIRMATIONS = 6;

export interface ChainClockOptions {
  readonly bitcoinRpc: BitcoinRpc;
  readonly ethereumUrl: string;
  /** How often to look, and so the shortest time between blocks of a chain. */
  readonly intervalMs: number;
  /** Told when a node does not answer; it is tried again at the next look. */
  readonly log?: (line: string) => void;
}

export interface ChainClock {
  stop(): Promise<void>;
}

/**
 * Lets time pass on both development chains as miners would: while transactions wait or want confirmations, a block at
 * each look; else none, so that an idle stack stays idle.
 */
export function startChainClock(options: ChainClockOptions): ChainClock {
  const abort = new AbortController();
  const clocks = [bitcoinTick(options.bitcoinRpc), ethereumTick(options.ethereumUrl)].map((tick) =>
    run(tick, options, abort.signal),
  );
  return {
    async stop() {
      abort.abort();
      await Promise.all(clocks);
    },
  };
}

async function run(tick: () => Promise<void>, options: ChainClockOptions, signal: AbortSignal): Promise<void> {
  let complained = false;
  while (!signal.aborted) {
    try {
      await tick();
      complained = false;
    } catch (error) {
      if (!complained) options.log?.(`chain clock: ${error instanceof Error ? error.message : String(error)}`);
      complained = true;
    }
    await sleep(options.intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Mines while the mempool holds something, and until what was mined has its confirmations. */
function bitcoinTick(rpc: BitcoinRpc): () => Promise<void> {
  const faucet = new Faucet(rpc);
  let blocksDue = CONFIRMATIONS; // an earlier run may have left some wanting
  return async () => {
    const { size } = await rpc.call<{ size: number }>('getmempoolinfo');
    if (size > 0) blocksDue = CONFIRMATIONS;
    if (blocksDue === 0) return;
    const [hash] = await faucet.mine();
    // a transaction may have come between the look and the block
    const { nTx } = await rpc.call<{ nTx: number }>('getblockheader', hash);
    blocksDue = nTx > 1 ? CONFIRMATIONS : blocksDue - 1;
  };
}

/** anvil mines a transaction at once; empty blocks on top give it its confirmations. */
function ethereumTick(url: string): () => Promise<void> {
  const rpc = new EthereumRpc(url);
  let seenHeight: bigint | undefined;
  let blocksDue = CONFIRMATIONS; // an earlier run may have left some wanting
  return async () => {
    const height = BigInt(await rpc.call<string>('eth_blockNumber'));
    if (seenHeight !== undefined && height !== seenHeight) blocksDue = CONFIRMATIONS;
    seenHeight = height;
    if (blocksDue === 0) return;
    await rpc.call('anvil_mine', '0x1');
    seenHeight = height + 1n;
    blocksDue -= 1;
  };
}
