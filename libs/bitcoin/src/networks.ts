import { BITCOIN_NETWORKS, type BitcoinChainId } from '@bulkhead/intent';
import { networks, type Network } from 'bitcoinjs-lib';

/** Human-readable parts of segwit addresses (BIP-173; `bcrt` from Bitcoin Core's chainparams). testnet4 and signet share one. */
export const SEGWIT_PREFIXES = ['bc', 'tb', 'bcrt'] as const;

/** Address and extended-key prefixes of a chain. */
export function networkOf(chain: BitcoinChainId): Network {
  switch (BITCOIN_NETWORKS[chain]) {
    case 'main':
      return networks.bitcoin;
    case 'testnet4':
    case 'signet':
      return networks.testnet;
    case 'regtest':
      return networks.regtest;
  }
}
