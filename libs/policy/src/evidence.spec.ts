import { bitcoinAsset, etherAsset, PURPOSES, REGTEST, type Digest } from '@bulkhead/intent';
import fc from 'fast-check';
import {
  emptyVelocity,
  historyOf,
  needsVelocity,
  velocityOf,
  velocityRead,
  VELOCITY_SUBJECTS,
  WINDOW_NAMES,
  type Counted,
  type PastSpend,
} from './index.js';
import { firmWith } from '../../../test/support/usual-transfers.js';

const NOW = '2026-03-31T12:00:00.000Z';
const BTC = bitcoinAsset(REGTEST);
const ETH = etherAsset('eip155:31337');
/** The lengths of the windows, written down once more. */
const SECONDS = { hour: 60 * 60, day: 24 * 60 * 60, week: 7 * 24 * 60 * 60, month: 30 * 24 * 60 * 60 };
const digest = (n: number): Digest => n.toString(16).padStart(64, '0') as Digest;
const ago = (seconds: number): string => new Date(Date.parse(NOW) - seconds * 1000).toISOString();
const TRANSFER: Counted = {
  wallet: 'w1',
  owner: 'o1',
  asset: BTC,
  payee: 'p1',
  initiator: 'i1',
  payloadDigest: digest(0),
};

const spends: fc.Arbitrary<PastSpend> = fc.record({
  payloadDigest: fc.nat(40).map(digest),
  wallet: fc.constantFrom('w1', 'w2'),
  owner: fc.constantFrom('o1', 'o2'),
  asset: fc.constantFrom(BTC, ETH),
  payee: fc.constantFrom('p1', 'p2'),
  initiator: fc.constantFrom('i1', 'i2'),
  purpose: fc.constantFrom(...PURPOSES),
  amount: fc.bigInt({ min: 1n, max: 2n ** 200n }),
  at: fc
    .oneof(fc.integer({ min: -60, max: 3_000_000 }), fc.constantFrom(3_599, 3_600, 3_601, 86_400, 604_800, 2_592_000))
    .map(ago),
});
const histories = fc.uniqueArray(spends, { maxLength: 30, selector: ({ payloadDigest }) => payloadDigest });

describe('velocity', () => {
  it('is what a plain loop over the spends adds up to', () => {
    fc.assert(
      fc.property(histories, (past) => {
        const velocity = velocityOf(past, TRANSFER, NOW);
        for (const subject of VELOCITY_SUBJECTS) {
          for (const window of WINDOW_NAMES) {
            let amount = 0n;
            let count = 0;
            for (const spend of past) {
              if (spend.payloadDigest === digest(0) || spend.asset !== BTC) continue;
              if (Date.parse(NOW) - Date.parse(spend.at) >= SECONDS[window] * 1000) continue;
              if (subject === 'wallet' && spend.wallet !== 'w1') continue;
              if (subject === 'client' && spend.owner !== 'o1') continue;
              if (subject === 'destination' && !(spend.owner === 'o1' && spend.payee === 'p1')) continue;
              if (subject === 'initiator' && spend.initiator !== 'i1') continue;
              amount += spend.amount;
              count += 1;
            }
            expect([subject, window, velocity[subject][window]]).toEqual([subject, window, { amount, count }]);
          }
        }
      }),
    );
  });

  it('does not depend on the order of spends, nor on how often the same bytes are remembered', () => {
    fc.assert(
      fc.property(histories, fc.array(fc.nat()), (past, picks) => {
        const again = past.length === 0 ? [] : picks.map((pick) => past[pick % past.length]!);
        const shuffled = [...past, ...again].toSorted((a, b) => (a.wallet + a.at).localeCompare(b.wallet + b.at));
        expect(velocityOf(shuffled, TRANSFER, NOW)).toEqual(velocityOf(past, TRANSFER, NOW));
      }),
    );
  });

  it('never shrinks when a window grows, when a spend is added, or from a wallet to its client and the firm', () => {
    fc.assert(
      fc.property(histories, spends, (past, more) => {
        const velocity = velocityOf(past, TRANSFER, NOW);
        const after = velocityOf(
          [...past.filter((one) => one.payloadDigest !== more.payloadDigest), more],
          TRANSFER,
          NOW,
        );
        for (const subject of VELOCITY_SUBJECTS) {
          const { hour, day, week, month } = velocity[subject];
          expect(hour.amount <= day.amount && day.amount <= week.amount && week.amount <= month.amount).toBe(true);
          if (past.some((one) => one.payloadDigest === more.payloadDigest)) continue;
          expect(after[subject].month.amount >= month.amount).toBe(true);
        }
        for (const window of WINDOW_NAMES)
          for (const subject of VELOCITY_SUBJECTS)
            expect(velocity.asset[window].amount >= velocity[subject][window].amount).toBe(true);
      }),
    );
  });

  it('of nothing is nothing, and the transfer itself is not of its own past', () => {
    expect(velocityOf([], TRANSFER, NOW)).toEqual(emptyVelocity());
    const itself = { ...TRANSFER, payloadDigest: digest(0), purpose: 'PAYMENT' as const, amount: 5n, at: NOW };
    expect(velocityOf([itself], TRANSFER, NOW)).toEqual(emptyVelocity());
    expect(velocityOf([{ ...itself, payloadDigest: digest(1) }], TRANSFER, NOW).wallet.hour).toEqual({
      amount: 5n,
      count: 1,
    });
  });
});

describe('a test payment', () => {
  it('counts for its owner, payee and asset, however long ago', () => {
    const test: PastSpend = {
      ...TRANSFER,
      payloadDigest: digest(7),
      purpose: 'TEST_PAYMENT',
      amount: 1n,
      at: ago(1_000_000_000),
    };
    const paid = (change: Partial<PastSpend>) => historyOf([{ ...test, ...change }], TRANSFER, NOW).testPaid;
    expect([paid({}), paid({ wallet: 'w2', initiator: 'i2' })]).toEqual([true, true]);
    const others = [{ owner: 'o2' }, { payee: 'p2' }, { asset: ETH }, { purpose: 'PAYMENT' as const }];
    expect(others.map(paid)).toEqual([false, false, false, false]);
    expect(paid({ payloadDigest: digest(0) })).toBe(false);
  });
});

describe('history', () => {
  it('is needed only where a policy in force asks for it, however it spells that', () => {
    const firm = firmWith();
    const needs = () => (['alpha', 'beta'] as const).map((owner) => needsVelocity(firm.state, owner, `${owner}-btc`));
    expect(needs()).toEqual([false, false]);
    const set = (condition: string) => {
      const text = `forbid (principal, action == Action::"transfer", resource) when { ${condition} };`;
      firm.append({ kind: 'policy.set', id: 'limit', text, owner: 'alpha', wallet: null });
    };
    for (const condition of [
      'context.velocity.wallet.day.count > 9',
      'context["\\u{76}elocity"].client.month.amountMillionths > 5',
      '!context.destination.testPaid',
    ]) {
      set(condition);
      expect([condition, ...needs()]).toEqual([condition, true, false]);
    }
    set('context.symbol == "velocity"');
    expect(needs()).toEqual([false, false]);
  });

  it('is looked up as far as policies read it: a sum, a window or a subject at once', () => {
    const firm = firmWith();
    const read = (condition: string): readonly string[] => {
      const text = `forbid (principal, action == Action::"transfer", resource) when { ${condition} };`;
      firm.append({ kind: 'policy.set', id: 'limit', text, owner: null, wallet: null });
      return velocityRead(firm.state, 'alpha', 'alpha-btc').map(({ subject, window }) => `${subject}.${window}`);
    };
    const spent = '{amountMillionths: 1, count: 1}';
    const windows = `{hour: ${spent}, day: ${spent}, week: ${spent}, month: ${spent}}`;
    expect(read('context.velocity.wallet.day.count > 9 && context.velocity.asset.hour.amountMillionths > 5')).toEqual([
      'wallet.day',
      'asset.hour',
    ]);
    expect(read(`context.velocity.client.week == ${spent}`)).toEqual(['client.week']);
    expect(read(`context.velocity.initiator != ${windows}`)).toEqual(
      WINDOW_NAMES.map((window) => `initiator.${window}`),
    );
    expect(read('context.velocity == context.velocity')).toHaveLength(20);
    expect(read('context.destination.testPaid')).toEqual([]);
  });
});
