import fc from 'fast-check';
import { isDecimalAmount, MAX_SAT, parsePositiveAmount } from './amounts.js';
import { bitcoinAsset, erc20Asset, etherAsset, REGTEST, type AssetId } from './chains.js';

const BTC = bitcoinAsset(REGTEST);
const ETH = etherAsset('eip155:31337');
const TOKEN = erc20Asset('eip155:31337', `0x${'ab'.repeat(20)}`);

const codeOf = (asset: AssetId, text: string): string => {
  const parsed = parsePositiveAmount(asset, text);
  return parsed.ok ? 'accepted' : parsed.refusal.code;
};

describe('an amount to be moved', () => {
  it.each([
    ['0', 'amount.not-positive'],
    ['-1', 'amount.not-positive'],
    ['-0', 'amount.not-positive'],
    ['1.5', 'amount.malformed'],
    ['1.0', 'amount.malformed'],
    ['1e8', 'amount.malformed'],
    ['1E8', 'amount.malformed'],
    ['+1', 'amount.malformed'],
    ['01', 'amount.malformed'],
    ['00', 'amount.malformed'],
    ['0x10', 'amount.malformed'],
    ['1_000', 'amount.malformed'],
    ['1,000', 'amount.malformed'],
    [' 1', 'amount.malformed'],
    ['1 ', 'amount.malformed'],
    ['1\n', 'amount.malformed'],
    ['', 'amount.malformed'],
    ['NaN', 'amount.malformed'],
    ['Infinity', 'amount.malformed'],
    ['١٢٣', 'amount.malformed'], // Arabic-Indic digits
    ['１２３', 'amount.malformed'], // full-width digits
    ['1n', 'amount.malformed'],
    ['--1', 'amount.malformed'],
  ])('%j is refused with %s on every chain', (text, code) => {
    for (const asset of [BTC, ETH, TOKEN]) expect(codeOf(asset, text)).toBe(code);
  });

  it('of bitcoin is at most 21 million coins', () => {
    expect(MAX_SAT).toBe(21_000_000n * 100_000_000n);
    expect(codeOf(BTC, '2100000000000000')).toBe('accepted');
    expect(codeOf(BTC, '2100000000000001')).toBe('amount.too-large');
    expect(codeOf(BTC, `1${'0'.repeat(40)}`)).toBe('amount.too-large');
  });

  it('of ether or a token is at most a uint256', () => {
    const most = 2n ** 256n - 1n;
    for (const asset of [ETH, TOKEN]) {
      expect(codeOf(asset, `1${'0'.repeat(40)}`)).toBe('accepted');
      expect(codeOf(asset, most.toString())).toBe('accepted');
      expect(codeOf(asset, (most + 1n).toString())).toBe('amount.too-large');
      expect(codeOf(asset, '9'.repeat(78))).toBe('amount.too-large');
      expect(codeOf(asset, `1${'0'.repeat(78)}`)).toBe('amount.malformed');
    }
  });

  it('keeps its value exactly, however large', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 256n - 1n }), (value) => {
        expect(parsePositiveAmount(TOKEN, value.toString())).toEqual({ ok: true, value });
      }),
    );
  });

  it('is read from one spelling only: what is accepted is what the number prints', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('0123456789.-+eEx _')), maxLength: 12 }), (text) => {
        if (isDecimalAmount(text)) expect(BigInt(text).toString()).toBe(text);
        const parsed = parsePositiveAmount(ETH, text);
        if (parsed.ok) expect(parsed.value.toString()).toBe(text);
      }),
    );
  });
});
