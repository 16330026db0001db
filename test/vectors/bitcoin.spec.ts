import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressOfScript, decodePsbt, parseBitcoinAddress } from '@bulkhead/bitcoin';
import { BITCOIN_NETWORKS, type BitcoinChainId } from '@bulkhead/intent';

const VECTORS = join(import.meta.dirname, '..', '..', '..', 'shared', 'vectors', 'bitcoin');
const MAIN = (Object.keys(BITCOIN_NETWORKS) as BitcoinChainId[]).find((chain) => BITCOIN_NETWORKS[chain] === 'main')!;

interface PsbtVectors {
  readonly invalid: readonly string[];
  readonly invalid_with_msg: readonly (readonly [string, string])[];
  readonly valid: readonly string[];
  readonly signer: readonly { readonly psbt: string; readonly result: string }[];
  readonly finalizer: readonly { readonly finalize: string; readonly result: string }[];
}
interface TaprootVectors {
  readonly scriptPubKey: readonly {
    readonly expected: { readonly scriptPubKey: string; readonly bip350Address: string };
  }[];
}
const vectors = (name: string): unknown => JSON.parse(readFileSync(join(VECTORS, name), 'utf8'));

/** Whether the global map says PSBT_GLOBAL_VERSION 2 (key 0xfb, BIP-370). */
const isVersion2 = (psbt: string): boolean =>
  Buffer.from(psbt, 'base64').includes(Buffer.from('01fb0402000000', 'hex'));

describe('Bitcoin, by published vectors', () => {
  if (!existsSync(VECTORS)) {
    console.warn('Bitcoin vectors are not here (../shared/vectors/bitcoin): NOT CHECKED');
    it.skip('Bitcoin vectors are absent from ../shared/vectors/bitcoin', () => undefined);
    return;
  }
  const psbts = vectors('core-rpc-psbt.json') as PsbtVectors;
  const codeOf = (psbt: string): string => {
    const result = decodePsbt(psbt, MAIN);
    return result.ok ? 'accepted' : result.refusal.code;
  };

  it('has all vectors of Bitcoin Core’s rpc_psbt.json', () => {
    expect([psbts.invalid.length, psbts.valid.length]).toEqual([60, 34]);
  });

  it.each(psbts.invalid.map((psbt, index) => [index, psbt] as const))('refuses invalid PSBT %d', (_, psbt) => {
    expect(codeOf(psbt)).toMatch(/^bitcoin\./);
  });

  it('refuses the PSBTs that Bitcoin Core refuses with a message', () => {
    for (const [psbt] of psbts.invalid_with_msg) expect(codeOf(psbt)).toMatch(/^bitcoin\./);
  });

  // What is no transaction with inputs of ours cannot be accepted; that it was read shows in the reason given.
  const version0 = psbts.valid.map((psbt, index) => [index, psbt] as const).filter(([, psbt]) => !isVersion2(psbt));
  const NO_INPUTS = 5;
  it.each(version0.filter(([index]) => index !== NO_INPUTS))(
    'reads valid PSBT %d, and says why it is not signed here',
    (_, psbt) => {
      expect(codeOf(psbt)).toMatch(
        /^bitcoin\.(psbt-field-not-allowed|transaction-not-standard|previous-transaction-missing|script-mismatch)$/,
      );
    },
  );

  it('does not take PSBTs without inputs or of version 2 (BIP-370)', () => {
    const others = psbts.valid.filter((psbt, index) => isVersion2(psbt) || index === NO_INPUTS);
    expect(others).toHaveLength(15);
    for (const psbt of others) expect(codeOf(psbt)).toBe('bitcoin.psbt-malformed');
  });

  it('takes no PSBT that somebody has begun to sign', () => {
    for (const { result } of psbts.signer) expect(codeOf(result)).toBe('bitcoin.psbt-field-not-allowed');
    for (const { result } of psbts.finalizer) expect(codeOf(result)).toBe('bitcoin.psbt-field-not-allowed');
  });

  it('writes and reads the Taproot addresses of BIP-341', () => {
    const { scriptPubKey: cases } = vectors('bip-0341-wallet.json') as TaprootVectors;
    expect(cases.length).toBeGreaterThan(5);
    for (const { expected } of cases) {
      const script = Buffer.from(expected.scriptPubKey, 'hex');
      expect(addressOfScript(script, MAIN)).toBe(expected.bip350Address);
      const parsed = parseBitcoinAddress(expected.bip350Address, MAIN);
      expect(parsed.ok && Buffer.compare(parsed.value.scriptPubKey, script)).toBe(0);
    }
  });
});
