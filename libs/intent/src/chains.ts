import { z } from 'zod';

/**
 * Chains and assets are named as in CAIP-2 and CAIP-19, so that a name says its network: an intent made for one network
 * means nothing on another.
 */
export const BITCOIN_NETWORKS = {
  'bip122:000000000019d6689c085ae165831e93': 'main',
  'bip122:00000000da84f2bafbbc53dee25a72ae': 'testnet4',
  'bip122:00000008819873e925422c1ff0f99f7c': 'signet',
  'bip122:0f9188f13cb7b2c71f2a335e3a4fc328': 'regtest',
} as const;
export type BitcoinChainId = keyof typeof BITCOIN_NETWORKS;
export type BitcoinNetwork = (typeof BITCOIN_NETWORKS)[BitcoinChainId];
export type EthereumChainId = `eip155:${number}`;
export type ChainId = BitcoinChainId | EthereumChainId;
export const REGTEST: BitcoinChainId = 'bip122:0f9188f13cb7b2c71f2a335e3a4fc328';

export const isBitcoinChain = (chain: string): chain is BitcoinChainId => Object.hasOwn(BITCOIN_NETWORKS, chain);
export const isEthereumChain = (chain: string): chain is EthereumChainId => /^eip155:[1-9]\d{0,15}$/.test(chain);

/** The numeric chain id of EIP-155. */
export const evmChainNumber = (chain: EthereumChainId): bigint => BigInt(chain.slice('eip155:'.length));

export type AssetId = `${ChainId}/slip44:0` | `${ChainId}/slip44:60` | `${ChainId}/erc20:0x${string}`;

export const bitcoinAsset = (chain: BitcoinChainId): AssetId => `${chain}/slip44:0`;
export const etherAsset = (chain: EthereumChainId): AssetId => `${chain}/slip44:60`;
/** `token`: a 0x address of any case; the asset id holds it in lower case. */
export const erc20Asset = (chain: EthereumChainId, token: string): AssetId =>
  `${chain}/erc20:${token.toLowerCase() as `0x${string}`}`;

export const chainOfAsset = (asset: AssetId): ChainId => asset.slice(0, asset.indexOf('/')) as ChainId;

/** The token's contract in lower case, or undefined for a chain's native asset. */
export function tokenOfAsset(asset: AssetId): `0x${string}` | undefined {
  const [, reference = ''] = asset.split('/');
  return reference.startsWith('erc20:') ? (reference.slice('erc20:'.length) as `0x${string}`) : undefined;
}

export const chainIdSchema = z
  .string()
  .refine((value): value is ChainId => isBitcoinChain(value) || isEthereumChain(value), 'not a CAIP-2 chain id')
  .meta({ type: 'string', examples: [REGTEST, 'eip155:31337'] });

export const assetIdSchema = z
  .string()
  .refine((value): value is AssetId => {
    const [chain = '', reference = '', ...rest] = value.split('/');
    if (rest.length > 0) return false;
    if (isBitcoinChain(chain)) return reference === 'slip44:0';
    return isEthereumChain(chain) && (reference === 'slip44:60' || /^erc20:0x[0-9a-f]{40}$/.test(reference));
  }, 'not a CAIP-19 asset id')
  .meta({ type: 'string', examples: [`${REGTEST}/slip44:0`, 'eip155:31337/slip44:60'] });
