import { randomBytes, SigningKey } from 'ethers/crypto';
import { hexlify } from 'ethers/utils';
import fc from 'fast-check';
import { isOwnerKey, ownerAddress, parseEthereumAddress } from './addresses.js';

const codeOf = (text: string): string => {
  const parsed = parseEthereumAddress(text);
  return parsed.ok ? 'accepted' : parsed.refusal.code;
};

describe('an Ethereum address', () => {
  // the test cases of EIP-55
  const published = [
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
    '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
    '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
  ];

  it.each(published)('%s is accepted, and has one form only', (address) => {
    for (const text of [address, address.toLowerCase(), `0x${address.slice(2).toUpperCase()}`]) {
      expect(parseEthereumAddress(text)).toEqual({ ok: true, value: address });
    }
  });

  it.each(published)('%s with one letter in the other case is refused', (address) => {
    const at = 2 + address.slice(2).search(/[a-f]/i);
    const letter = address[at]!;
    const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
    expect(codeOf(address.slice(0, at) + other + address.slice(at + 1))).toBe('address.bad-checksum');
  });

  it.each([
    '',
    '0x',
    'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
    '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2',
    '5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed0',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg',
    ' 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n',
    'XE65GB6LDNXYOFTX0NSV3FUWKOWIXAMJK36',
    '0x0000000000000000000000000000000000000000',
  ])('%j is malformed', (text) => {
    expect(codeOf(text)).toBe('address.malformed');
  });

  it('never throws, whatever the text', () => {
    fc.assert(fc.property(fc.string(), (text) => !parseEthereumAddress(text).ok));
  });
});

describe('an owner key', () => {
  it('gives the address of the same uncompressed point', () => {
    // the generator point: private key 1, whose address every implementation publishes
    const generator = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
    expect(isOwnerKey(generator)).toBe(true);
    expect(ownerAddress(generator)).toBe('0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf');
  });

  it('is told from what is no point', () => {
    const { compressedPublicKey } = new SigningKey(hexlify(randomBytes(32)));
    const hex = compressedPublicKey.slice(2);
    expect(isOwnerKey(hex)).toBe(true);
    // BIP-340 vector 5: an x coordinate that is not on the curve
    const offCurve = `02eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34`;
    for (const bad of ['', hex.toUpperCase(), compressedPublicKey, `04${hex.slice(2)}`, hex.slice(2), offCurve]) {
      expect(isOwnerKey(bad)).toBe(false);
    }
  });
});
