import {
  assetIdSchema,
  bitcoinAsset,
  chainIdSchema,
  chainOfAsset,
  erc20Asset,
  etherAsset,
  evmChainNumber,
  isBitcoinChain,
  REGTEST,
  tokenOfAsset,
  type BitcoinChainId,
} from './chains.js';

const TOKEN = `0x${'aB'.repeat(20)}`;

describe('a chain id (CAIP-2)', () => {
  it.each([
    // first 32 hex digits of each genesis block's hash, from CAIP-4 and Bitcoin Core's chainparams
    'bip122:000000000019d6689c085ae165831e93',
    'bip122:00000000da84f2bafbbc53dee25a72ae',
    'bip122:00000008819873e925422c1ff0f99f7c',
    'bip122:0f9188f13cb7b2c71f2a335e3a4fc328',
    'eip155:1',
    'eip155:31337',
  ])('%s is known', (chain) => {
    expect(chainIdSchema.safeParse(chain).success).toBe(true);
  });

  it.each([
    '',
    'bitcoin',
    'bip122:000000000933ea01ad0ee984209779ba', // testnet3, which is not served
    'BIP122:0f9188f13cb7b2c71f2a335e3a4fc328',
    'bip122:0F9188F13CB7B2C71F2A335E3A4FC328',
    'eip155:',
    'eip155:0',
    'eip155:01',
    'eip155:-1',
    'eip155:1e3',
    'eip155:0x1',
    'eip155:1 ',
    'eip155:1\n',
    'eip155:12345678901234567',
    'cosmos:cosmoshub-3',
    // properties of every object are no networks
    'toString',
    'constructor',
    '__proto__',
    'hasOwnProperty',
  ])('%j is refused', (chain) => {
    expect(chainIdSchema.safeParse(chain).success).toBe(false);
    expect(isBitcoinChain(chain)).toBe(false);
  });

  it('holds the number of EIP-155', () => {
    expect(evmChainNumber('eip155:9999999999999999')).toBe(9999999999999999n);
  });
});

describe('an asset id (CAIP-19)', () => {
  it('names chain and token', () => {
    const native = [bitcoinAsset(REGTEST), etherAsset('eip155:1')];
    const token = erc20Asset('eip155:1', TOKEN);
    for (const asset of [...native, token]) expect(assetIdSchema.parse(asset)).toBe(asset);
    expect(native.map(chainOfAsset)).toEqual([REGTEST, 'eip155:1']);
    expect(chainOfAsset(token)).toBe('eip155:1');
    expect(native.map(tokenOfAsset)).toEqual([undefined, undefined]);
    expect(tokenOfAsset(token)).toBe(TOKEN.toLowerCase());
  });

  it.each([
    REGTEST,
    `${REGTEST}/slip44:60`,
    `${REGTEST}/slip44:1`,
    `${REGTEST}/erc20:${TOKEN.toLowerCase()}`,
    `${REGTEST}/slip44:0/1`,
    'eip155:1/slip44:0',
    'eip155:1/slip44:60/',
    `eip155:1/erc20:${TOKEN}`, // one spelling only
    'eip155:1/erc20:0xab',
    'eip155:1/erc721:0xabababababababababababababababababababab',
    'toString/slip44:0',
    '/slip44:0',
  ])('%s is refused', (asset) => {
    expect(assetIdSchema.safeParse(asset).success).toBe(false);
  });

  it('of one network is another than of the next', () => {
    const chains: BitcoinChainId[] = [
      'bip122:000000000019d6689c085ae165831e93',
      'bip122:00000000da84f2bafbbc53dee25a72ae',
      REGTEST,
    ];
    expect(new Set(chains.map(bitcoinAsset)).size).toBe(3);
  });
});
