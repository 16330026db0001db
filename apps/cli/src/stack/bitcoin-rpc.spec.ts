import fc from 'fast-check';
import { bitcoinAmount, satoshi } from './bitcoin-rpc.js';

describe('amounts of the Bitcoin RPC', () => {
  it.each([
    ['0.00000001', 1n],
    ['0.1', 10_000_000n],
    ['1.23456789', 123_456_789n],
    ['20999999.97690000', 2_099_999_997_690_000n],
    ['-0.00000141', -141n],
    ['0.00000000', 0n],
  ])('reads %s BTC, as bitcoind prints it, as %s satoshi', (printed, expected) => {
    expect(satoshi(JSON.parse(printed) as number)).toBe(expected);
  });

  it('writes satoshi as bitcoind reads them, and reads them back, for every amount there can be', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2_100_000_000_000_000n), (amount) => {
        const text = bitcoinAmount(amount);
        expect(text).toMatch(/^\d+\.\d{8}$/);
        expect(satoshi(JSON.parse(text) as number)).toBe(amount);
      }),
    );
  });
});
