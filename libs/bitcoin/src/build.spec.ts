import { jest } from '@jest/globals';
import {
  buildPsbt,
  decodePsbt,
  deriveAddress,
  MAX_INPUTS,
  type BuildRequest,
  type BuiltPsbt,
  type WalletCoin,
} from '@bulkhead/bitcoin';
import fc from 'fast-check';
import { fundedCoin, softwareQuorum } from '../test/software-quorum.js';

jest.setTimeout(30_000); // property tests, also on a busy machine

const { spec } = softwareQuorum({ seed: 'build' });
const payee = deriveAddress(softwareQuorum({ seed: 'payee' }).spec, 0, 0).address;
const otherPayee = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'; // BIP-173's key hash, on regtest
const coin = (amountSat: bigint, index = 0): WalletCoin =>
  fundedCoin(spec, { branch: 0, index }, amountSat, `${amountSat}/${index}`);

const request = (change: Partial<BuildRequest> = {}): BuildRequest => ({
  spec,
  coins: [coin(100_000n), coin(60_000n, 1), coin(40_000n, 2)],
  payments: [{ address: payee, amountSat: 50_000n }],
  change: { branch: 1, index: 3 },
  feeRateSatVb: 2n,
  maxFeeSat: 20_000n,
  ...change,
});

const built = (change: Partial<BuildRequest> = {}): BuiltPsbt => {
  const result = buildPsbt(request(change));
  if (!result.ok) throw new Error(`${result.refusal.code}: ${result.refusal.detail}`);
  return result.value;
};
const codeOf = (change: Partial<BuildRequest>): string => {
  const result = buildPsbt(request(change));
  return result.ok ? 'accepted' : result.refusal.code;
};
const sum = (parts: readonly { amountSat: bigint }[]): bigint => parts.reduce((all, each) => all + each.amountSat, 0n);

describe('a payment', () => {
  it('spends the largest coin first, pays the payee, and returns the rest to the change address', () => {
    const { facts } = built();
    const change = deriveAddress(spec, 1, 3).address;
    expect(facts.inputs.map((input) => input.amountSat)).toEqual([100_000n]);
    expect(facts.outputs.map(({ address, amountSat }) => [address, amountSat])).toEqual([
      [change, 100_000n - 50_000n - facts.feeSat],
      [payee, 50_000n],
    ]);
    expect(facts.feeSat).toBe(2n * facts.vsize);
    expect(facts.feeRateSatVb).toBe(2n);
    expect(facts.inputs[0]!.sequence).toBe(0xfffffffd);
  });

  it('is the same bytes in whatever order the coins are given', () => {
    const { coins } = request();
    expect(built({ coins: [...coins].reverse() }).psbt).toBe(built().psbt);
  });

  it('leaves change below the dust limit to the fee', () => {
    const fee = built({ coins: [coin(100_000n)] }).facts.feeSat;
    const { facts } = built({ payments: [{ address: payee, amountSat: 100_000n - fee - 329n }] });
    expect(facts.outputs.map((output) => output.address)).toEqual([payee]);
    expect(facts.feeSat).toBe(fee + 329n);
    const kept = built({ payments: [{ address: payee, amountSat: 100_000n - fee - 330n }] });
    expect(kept.facts.outputs.map((output) => output.amountSat)).toContain(330n);
  });

  it.each<[string, string, Partial<BuildRequest>]>([
    ['more than there is', 'amount.insufficient-funds', { payments: [{ address: payee, amountSat: 200_000n }] }],
    ['no coins at all', 'amount.insufficient-funds', { coins: [] }],
    ['dust', 'amount.dust', { payments: [{ address: otherPayee, amountSat: 293n }] }],
    ['nothing', 'amount.not-positive', { payments: [{ address: payee, amountSat: 0n }] }],
    ['less than nothing', 'amount.not-positive', { payments: [{ address: payee, amountSat: -1n }] }],
    ['10^40', 'amount.too-large', { payments: [{ address: payee, amountSat: 10n ** 40n }] }],
    ['nobody', 'bitcoin.transaction-not-standard', { payments: [] }],
    [
      'an address of main',
      'address.wrong-network',
      {
        payments: [{ address: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', amountSat: 1000n }],
      },
    ],
    ['a fee above its cap', 'segregation.fee-over-cap', { maxFeeSat: 100n }],
    ['a fee rate of zero', 'bitcoin.fee-rate', { feeRateSatVb: 0n }],
    ['an absurd fee rate', 'bitcoin.fee-rate', { feeRateSatVb: 5001n }],
    ['a coin given twice', 'request.malformed', { coins: [coin(100_000n), coin(100_000n)] }],
    [
      'a coin with another amount',
      'bitcoin.previous-transaction-mismatch',
      {
        coins: [{ ...coin(100_000n), amountSat: 100_001n }],
      },
    ],
    [
      'a coin of another address',
      'bitcoin.previous-transaction-mismatch',
      { coins: [{ ...coin(100_000n), index: 9 }] },
    ],
    [
      'another output of its transaction',
      'bitcoin.previous-transaction-mismatch',
      {
        coins: [{ ...coin(100_000n), vout: 0 }],
      },
    ],
    [
      'a coin without its transaction',
      'bitcoin.previous-transaction-mismatch',
      {
        coins: [{ ...coin(100_000n), previousTransaction: 'not hex' }],
      },
    ],
  ])('of %s is refused as %s', (_, code, change) => {
    expect(codeOf(change)).toBe(code);
  });

  it('says what was needed and what there was', () => {
    const result = buildPsbt(request({ payments: [{ address: payee, amountSat: 200_000n }] }));
    expect(result).toMatchObject({ ok: false, refusal: { facts: { available: '200000' } } });
    if (!result.ok) expect(BigInt(result.refusal.facts.needed!)).toBeGreaterThan(200_000n);
  });

  it('that would take more coins than a transaction may have asks for consolidation', () => {
    const coins = Array.from({ length: MAX_INPUTS + 5 }, (_, i) => ({ ...coin(1_000n), vout: i + 1 }));
    expect(codeOf({ coins, payments: [{ address: payee, amountSat: 201_000n }], feeRateSatVb: 1n })).toBe(
      'amount.insufficient-funds',
    );
    const rich = coins.map((each) => ({ ...each, amountSat: 10_000n }));
    expect(codeOf({ coins: rich, payments: [{ address: payee, amountSat: 2_000_001n }], feeRateSatVb: 1n })).toBe(
      'bitcoin.transaction-not-standard',
    );
  });

  it('conserves amounts: what goes in comes out as payments, change and fee, for any coins and payments', () => {
    const amounts = fc.array(fc.bigInt({ min: 1_000n, max: 10_000_000n }), { minLength: 1, maxLength: 6 });
    const payments = fc.array(fc.bigInt({ min: 330n, max: 4_000_000n }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(amounts, payments, fc.bigInt({ min: 1n, max: 50n }), (coinAmounts, paid, feeRateSatVb) => {
        const asked = request({
          coins: coinAmounts.map((amountSat, index) => coin(amountSat, index)),
          payments: paid.map((amountSat) => ({ address: payee, amountSat })),
          feeRateSatVb,
          maxFeeSat: 10_000_000n,
        });
        const result = buildPsbt(asked);
        if (!result.ok) {
          expect(result.refusal.code).toBe('amount.insufficient-funds');
          return;
        }
        const { facts, psbt } = result.value;
        expect(sum(facts.inputs)).toBe(sum(facts.outputs) + facts.feeSat);
        const toPayee = facts.outputs.filter((output) => output.address === payee);
        expect(toPayee.map((output) => output.amountSat).sort()).toEqual([...paid].sort());
        expect(facts.outputs.length - toPayee.length).toBeLessThanOrEqual(1);
        expect(facts.feeSat).toBeGreaterThanOrEqual(feeRateSatVb * facts.vsize);
        expect(facts.feeSat).toBeLessThan(feeRateSatVb * (facts.vsize + 43n) + 330n);
        expect(decodePsbt(psbt, spec.chain)).toEqual({ ok: true, value: facts });
      }),
      { numRuns: 60 },
    );
  });
});
