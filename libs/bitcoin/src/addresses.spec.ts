import { BITCOIN_NETWORKS, REGTEST, type BitcoinChainId } from '@bulkhead/intent';
import { addressOfScript, dustLimitSat, parseBitcoinAddress } from '@bulkhead/bitcoin';

const chainNamed = (name: string): BitcoinChainId =>
  (Object.keys(BITCOIN_NETWORKS) as BitcoinChainId[]).find((chain) => BITCOIN_NETWORKS[chain] === name)!;
const MAIN = chainNamed('main');
const SIGNET = chainNamed('signet');

/** Scripts as BIP-173 and BIP-350 give them, and legacy addresses of Bitcoin Core's key_io_valid.json. */
const VALID: readonly (readonly [string, BitcoinChainId, string])[] = [
  ['BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4', MAIN, '0014751e76e8199196d454941c45d1b3a323f1433bd6'],
  [
    'tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7',
    SIGNET,
    '00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262',
  ],
  [
    'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0',
    MAIN,
    '512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
  ],
  ['1AGNa15ZQXAZUgFiqJ2i7Z2DPU2J6hW62i', MAIN, '76a91465a16059864a2fdbc7c99a4723a8395bc6f188eb88ac'],
  ['3CMNFxN1oHBc4R1EpboAL5yzHGgE611Xou', MAIN, 'a91474f209f6ea907e2ea48f74fae05782ae8a66525787'],
  ['mo9ncXisMeAoXwqcV5EWuyncbmCcQN4rVs', REGTEST, '76a91453c0307d6851aa0ce7825ba883c6bd9ad242b48688ac'],
];

const codeOf = (address: string, chain: BitcoinChainId): string => {
  const result = parseBitcoinAddress(address, chain);
  return result.ok ? 'accepted' : result.refusal.code;
};

describe('a Bitcoin address', () => {
  it.each(VALID)('%s is read as its script and written back', (address, chain, script) => {
    const parsed = parseBitcoinAddress(address, chain);
    if (!parsed.ok) throw new Error(parsed.refusal.code);
    expect(Buffer.from(parsed.value.scriptPubKey).toString('hex')).toBe(script);
    expect(addressOfScript(parsed.value.scriptPubKey, chain)).toBe(parsed.value.address);
    expect(parsed.value.address.toLowerCase()).toBe(address.toLowerCase());
  });

  it('of another network is named as such', () => {
    expect(codeOf(VALID[0]![0], REGTEST)).toBe('address.wrong-network');
    expect(codeOf(VALID[1]![0], REGTEST)).toBe('address.wrong-network');
    expect(codeOf(VALID[3]![0], REGTEST)).toBe('address.wrong-network');
    expect(codeOf(VALID[5]![0], MAIN)).toBe('address.wrong-network');
  });

  it.each([
    ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5', 'a mistyped segwit address (BIP-173)'],
    ['bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jjq', 'a mistyped Taproot address'],
    ['1AGNa15ZQXAZUgFiqJ2i7Z2DPU2J6hW62j', 'a mistyped legacy address'],
  ])('%s has a wrong checksum: %s', (address) => {
    expect(codeOf(address, MAIN)).toBe('address.bad-checksum');
  });

  it.each([
    ['', 'nothing'],
    ['hello', 'text'],
    ['tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty', 'an unknown prefix (BIP-173)'],
    ['BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2', 'a bad witness version (BIP-173)'],
    ['bc1rw5uspcuh', 'a bad program length (BIP-173)'],
    ['bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs', 'a future witness version, spendable by anybody (BIP-350)'],
    ['bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y', 'a 40-byte program (BIP-350)'],
    ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh', 'version 0 in bech32m (BIP-350)'],
    ['tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sL5k7', 'mixed case (BIP-173)'],
    ['0x52908400098527886E0F7030069857D2E4169EE7', 'an Ethereum address'],
    ['1'.repeat(200), 'a long line'],
    ['bc1q\u0000', 'a control character'],
  ])('%s is malformed: %s', (address) => {
    expect(codeOf(address, MAIN)).toBe('address.malformed');
  });

  it('of a Taproot key that is on no point of the curve is refused, because nobody could spend from it', () => {
    const script = Buffer.from(`5120${'00'.repeat(31)}05`, 'hex');
    expect(addressOfScript(script, MAIN)).toBeUndefined();
  });

  it.each([
    ['6a0548656c6c6f', 'OP_RETURN'],
    ['51024e73', 'pay to anchor'],
    ['', 'the empty script'],
    [`21${'02'.repeat(33)}ac`, 'a bare public key'],
    [`5214${'ab'.repeat(20)}`, 'a future witness version'],
  ])('is not made of %s: %s', (script) => {
    expect(addressOfScript(Buffer.from(script, 'hex'), MAIN)).toBeUndefined();
  });
});

describe('the dust limit', () => {
  it.each([
    [3, 546n],
    [4, 540n],
    [0, 294n],
    [1, 330n],
    [2, 330n],
  ])('of address %d is the one of Bitcoin Core’s default policy', (row, limit) => {
    const [address, chain] = VALID[row]!;
    const parsed = parseBitcoinAddress(address, chain);
    if (!parsed.ok) throw new Error(parsed.refusal.code);
    expect(dustLimitSat(parsed.value.scriptPubKey)).toBe(limit);
  });
});
