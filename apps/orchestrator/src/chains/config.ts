import { isBitcoinChain, isEthereumChain, type BitcoinChainId, type EthereumChainId } from '@bulkhead/intent';
import { z } from 'zod';

const followedChain = {
  /** JSON-RPC over HTTP. */
  url: z.url({ protocol: /^https?$/ }),
  /** Blocks a deposit or transfer needs, its own included, before it counts. */
  confirmations: z.int().min(1).max(1000),
  /** How long to rest when the node has no new block. */
  pollMs: z.int().min(20).max(600_000),
  /** How long one call may take. */
  timeoutMs: z.int().min(100).max(600_000).default(15_000),
};

/** The two nodes: one Bitcoin Core, one Ethereum node. */
export const chainsConfigSchema = z.strictObject({
  bitcoin: z.strictObject({
    /** CAIP-2; the node and the charter must be of this chain. */
    chain: z.string().refine((value): value is BitcoinChainId => isBitcoinChain(value), 'not a Bitcoin chain'),
    ...followedChain,
    /** Holds `user:password`, as Bitcoin Core writes it; read anew when the node no longer takes it. */
    cookieFile: z.string().min(1),
    /** The least that is paid per virtual byte, and what is paid while the node has no estimate. */
    feeRateFloorSatVb: z.int().min(1).max(1000).default(2),
  }),
  ethereum: z.strictObject({
    chain: z.string().refine((value): value is EthereumChainId => isEthereumChain(value), 'not an EVM chain'),
    ...followedChain,
  }),
});
export type ChainsConfig = z.infer<typeof chainsConfigSchema>;
export type BitcoinNodeConfig = ChainsConfig['bitcoin'];
export type EthereumNodeConfig = ChainsConfig['ethereum'];

/** Nest injection token of {@link ChainsConfig}. */
export const CHAINS_CONFIG = Symbol('CHAINS_CONFIG');
