import { buildPsbt, deriveAddress, sweepOf, type WalletCoin } from '@bulkhead/bitcoin';
import { orThrow } from '@bulkhead/intent';
import fc from 'fast-check';
import { fundedCoin, softwareQuorum } from '../test/software-quorum.js';

const { spec } = softwareQuorum({ seed: 'sweep' });
const payee = deriveAddress(softwareQuorum({ seed: 'refuge' }).spec, 0, 0).address;
const coinsOf = (amounts: readonly bigint[]): WalletCoin[] =>
  amounts.map((amountSat, index) => fundedCoin(spec, { branch: 0, index }, amountSat, `${amountSat}/${index}`));

describe('a sweep', () => {
  it('is built into one output that takes all but the fee', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(1n, 500_000n), { minLength: 1, maxLength: 6 }),
        fc.bigInt(1n, 60n),
        (amounts, feeRateSatVb) => {
          const sweep = sweepOf(spec, coinsOf(amounts), payee, feeRateSatVb);
          fc.pre(sweep.ok);
          const { coins, amountSat } = orThrow(sweep);
          const { facts } = orThrow(
            buildPsbt({
              spec,
              coins,
              payments: [{ address: payee, amountSat }],
              change: { branch: 1, index: 0 },
              feeRateSatVb,
              maxFeeSat: 10_000_000n,
            }),
          );
          expect(facts.outputs.map((output) => [output.address, output.amountSat])).toEqual([[payee, amountSat]]);
          expect(facts.inputs).toHaveLength(coins.length);
          expect(facts.feeSat).toBe(feeRateSatVb * facts.vsize);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('leaves what costs more to move than it holds', () => {
    expect(orThrow(sweepOf(spec, coinsOf([100_000n, 600n]), payee, 20n)).coins).toHaveLength(1);
    expect(sweepOf(spec, coinsOf([600n]), payee, 20n)).toMatchObject({
      ok: false,
      refusal: { code: 'amount.insufficient-funds' },
    });
    expect(sweepOf(spec, [], payee, 1n).ok).toBe(false);
  });
});
