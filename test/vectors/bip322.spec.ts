import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseBitcoinAddress, toSignTransaction, toSpendTransaction, verifyMessage } from '@bulkhead/bitcoin';
import { BITCOIN_NETWORKS, orThrow, type BitcoinChainId } from '@bulkhead/intent';

const VECTORS = join(import.meta.dirname, '..', '..', '..', 'shared', 'vectors', 'bitcoin', 'bip-0322-basic.json');
const MAIN = (Object.keys(BITCOIN_NETWORKS) as BitcoinChainId[]).find((chain) => BITCOIN_NETWORKS[chain] === 'main')!;

interface Bip322Vectors {
  readonly tx_hashes: readonly {
    readonly message: string;
    readonly address: string;
    readonly to_spend_tx_hash: string;
    readonly to_sign_tx_hash: string;
  }[];
  readonly simple: readonly {
    readonly message: string;
    readonly address: string;
    readonly type: string;
    readonly bip322_signatures: readonly string[];
  }[];
  readonly error: readonly {
    readonly description: string;
    readonly message: string;
    readonly address: string;
    readonly signature: string;
  }[];
}

describe('BIP-322, by its published vectors', () => {
  if (!existsSync(VECTORS)) {
    console.warn('BIP-322 vectors are not here (../shared/vectors/bitcoin): NOT CHECKED');
    it.skip('BIP-322 vectors are absent from ../shared/vectors/bitcoin', () => undefined);
    return;
  }
  const vectors = JSON.parse(readFileSync(VECTORS, 'utf8')) as Bip322Vectors;
  const codeOf = (message: string, address: string, signature: string): string => {
    const result = verifyMessage(message, address, MAIN, signature);
    return result.ok ? 'accepted' : result.refusal.code;
  };

  it('has all of them', () => {
    expect([vectors.tx_hashes.length, vectors.simple.length, vectors.error.length]).toEqual([3, 4, 8]);
  });

  it.each(vectors.tx_hashes)('makes the two transactions of $message', (vector) => {
    const toSpend = toSpendTransaction(vector.message, orThrow(parseBitcoinAddress(vector.address, MAIN)).scriptPubKey);
    expect(toSpend.getId()).toBe(vector.to_spend_tx_hash);
    expect(toSignTransaction(toSpend).getId()).toBe(vector.to_sign_tx_hash);
  });

  it.each(vectors.simple)('takes the signatures of $type', ({ message, address, bip322_signatures: signatures }) => {
    for (const signature of signatures) expect(codeOf(message, address, signature)).toBe('accepted');
  });

  it.each(vectors.error)('refuses: $description', ({ message, address, signature }) => {
    expect(codeOf(message, address, signature)).toBe('address.ownership-unproven');
  });
});
