import { REGTEST, bitcoinAsset, erc20Asset, etherAsset, type AssetId } from '@bulkhead/intent';
import fc from 'fast-check';
import {
  checkEntry,
  depositCredited,
  depositQuarantined,
  depositSeen,
  gasGiftReceived,
  gasSpent,
  gasSpentForClient,
  positionOf,
  reversal,
  transferBetweenOwners,
  transferBetweenOwnWallets,
  transferSent,
  unexplainedSpend,
  type Account,
  type JournalEntry,
  type Posting,
} from './index.js';

const BTC = bitcoinAsset(REGTEST);
const ETH = etherAsset('eip155:31337');
const TOKEN = erc20Asset('eip155:31337', '0x5FbDB2315678afecb367f032d93F642f64180aa3');
const at = { chain: REGTEST, height: 101, hash: 'b10c' };
const where = { at, transaction: 'aa', position: '0' };
const flow = { ...where, owner: 'alpha', wallet: 'alpha-btc', asset: BTC, amount: 100_000n };

const postings = (entry: JournalEntry) =>
  entry.postings.map(({ account, wallet, asset, amount }) => [account, wallet, asset, amount]);

describe('makers', () => {
  it('hold a deposit back until it is credited', () => {
    const seen = depositSeen(flow);
    expect(seen).toEqual({
      reference: `deposit-seen:${REGTEST}:aa:0:b10c`,
      owner: 'alpha',
      kind: 'deposit-seen',
      at,
      postings: [
        { account: 'WALLET', wallet: 'alpha-btc', asset: BTC, amount: 100_000n },
        { account: 'PENDING', wallet: 'alpha-btc', asset: BTC, amount: -100_000n },
      ],
    });
    const credited = depositCredited({ ...flow, at: { chain: REGTEST, height: 103, hash: 'b10e' } });
    expect(credited.reference).toBe(`deposit-credited:${REGTEST}:aa:0:b10e`);
    expect(postings(credited)).toEqual([
      ['PENDING', 'alpha-btc', BTC, 100_000n],
      ['OUTSIDE', null, BTC, -100_000n],
    ]);
    expect(available([seen])).toBe(0n);
    expect(available([seen, credited])).toBe(100_000n);
  });

  it('hold a quarantined deposit in suspense', () => {
    const entry = depositQuarantined(flow);
    expect(postings(entry)).toEqual([
      ['WALLET', 'alpha-btc', BTC, 100_000n],
      ['SUSPENSE', 'alpha-btc', BTC, -100_000n],
    ]);
    expect(available([entry])).toBe(0n);
  });

  it('book a transfer with its fee in the same asset', () => {
    expect(postings(transferSent({ ...flow, fee: { asset: BTC, amount: 154n } }))).toEqual([
      ['WALLET', 'alpha-btc', BTC, -100_154n],
      ['OUTSIDE', null, BTC, 100_000n],
      ['FEES', null, BTC, 154n],
    ]);
  });

  it('book a transfer with its fee in another asset', () => {
    const sent = { ...flow, wallet: 'alpha-safe', asset: TOKEN, amount: 7n, fee: { asset: ETH, amount: 21n } };
    expect(postings(transferSent(sent))).toEqual([
      ['WALLET', 'alpha-safe', TOKEN, -7n],
      ['WALLET', 'alpha-safe', ETH, -21n],
      ['OUTSIDE', null, TOKEN, 7n],
      ['FEES', null, ETH, 21n],
    ]);
  });

  it('post nothing for a fee that somebody else pays', () => {
    const sent = { ...flow, asset: ETH, wallet: 'alpha-safe', fee: { asset: ETH, amount: 0n } };
    expect(transferSent(sent).postings).toHaveLength(2);
    expect(transferSent({ ...sent, fee: { asset: TOKEN, amount: 0n } }).postings).toHaveLength(2);
  });

  it('keep a move between own wallets inside', () => {
    const sent = { ...flow, toWallet: 'alpha-btc-2', fee: { asset: BTC, amount: 154n } };
    expect(postings(transferBetweenOwnWallets(sent))).toEqual([
      ['WALLET', 'alpha-btc', BTC, -100_154n],
      ['WALLET', 'alpha-btc-2', BTC, 100_000n],
      ['FEES', null, BTC, 154n],
    ]);
  });

  it('book what crosses owners as two entries, one per owner', () => {
    const fee = { asset: BTC, amount: 154n };
    const [sent, received] = transferBetweenOwners(
      'FEE_INVOICE',
      { ...flow, fee },
      { owner: 'house', wallet: 'house-btc' },
    );
    expect([sent.owner, sent.kind, received.owner, received.kind]).toEqual([
      'alpha',
      'fee-invoice-sent',
      'house',
      'fee-invoice-received',
    ]);
    expect(sent.reference.slice(sent.kind.length)).toBe(received.reference.slice(received.kind.length));
    expect(postings(received)).toEqual([
      ['WALLET', 'house-btc', BTC, 100_000n],
      ['OUTSIDE', null, BTC, -100_000n],
    ]);
    expect(() =>
      transferBetweenOwners('RESTITUTION', { ...flow, fee }, { owner: 'alpha', wallet: 'alpha-btc-2' }),
    ).toThrow('own wallets');
  });

  it('book gas for a client as a gift: the expense of the house, the income of the client', () => {
    const gas = { ...where, position: 'fee', asset: ETH, amount: 9n };
    const spent = gasSpentForClient({ ...gas, house: 'house', gasPayer: 'house-gas' });
    const gift = gasGiftReceived({ ...gas, client: 'alpha' });
    expect([spent.owner, postings(spent)]).toEqual([
      'house',
      [
        ['WALLET', 'house-gas', ETH, -9n],
        ['GAS_GIFT', null, ETH, 9n],
      ],
    ]);
    expect([gift.owner, postings(gift)]).toEqual([
      'alpha',
      [
        ['GAS_GIFT', null, ETH, -9n],
        ['FEES', null, ETH, 9n],
      ],
    ]);
    expect(postings(gasSpent({ ...gas, house: 'house', gasPayer: 'house-gas' }))).toEqual([
      ['WALLET', 'house-gas', ETH, -9n],
      ['FEES', null, ETH, 9n],
    ]);
  });

  it('keep an unexplained spend out of every balance', () => {
    const entries = [depositSeen(flow), depositCredited(flow), unexplainedSpend({ ...flow, amount: 40_000n })];
    expect(available(entries)).toBe(60_000n);
  });

  it('throw on amounts that no transaction has', () => {
    expect(() => depositSeen({ ...flow, amount: 0n })).toThrow(RangeError);
    expect(() => depositCredited({ ...flow, amount: -1n })).toThrow(RangeError);
    expect(() => transferSent({ ...flow, amount: -1n, fee: { asset: BTC, amount: 2n } })).toThrow(RangeError);
    expect(() => transferSent({ ...flow, fee: { asset: BTC, amount: -1n } })).toThrow(RangeError);
  });

  it('name the same transaction in another block anew', () => {
    const again = depositSeen({ ...flow, at: { ...at, hash: 'b10d' } });
    expect(again.reference).not.toBe(depositSeen(flow).reference);
  });

  it('reverse an entry once', () => {
    const entry = depositSeen(flow);
    const taken = reversal(entry);
    expect(taken.reference).toBe(`reversal:${entry.reference}`);
    expect(taken.at).toEqual(at);
    expect(postings(taken)).toEqual([
      ['WALLET', 'alpha-btc', BTC, -100_000n],
      ['PENDING', 'alpha-btc', BTC, 100_000n],
    ]);
    expect(() => reversal(taken)).toThrow('final');
  });
});

describe('checkEntry', () => {
  const entry = depositSeen(flow);
  const first = entry.postings[0]!;
  const codeOf = (changed: Partial<JournalEntry>) => {
    const checked = checkEntry({ ...entry, ...changed });
    return checked.ok ? 'ok' : checked.refusal.code;
  };

  it('accepts double entry', () => {
    expect(codeOf({})).toBe('ok');
  });

  it.each<[string, Partial<JournalEntry>, string]>([
    ['one posting', { postings: [first] }, 'ledger.entry-malformed'],
    ['no posting', { postings: [] }, 'ledger.entry-malformed'],
    ['no reference', { reference: '' }, 'ledger.entry-malformed'],
    ['no owner', { owner: '' }, 'ledger.entry-malformed'],
    ['a zero', { postings: [...entry.postings, { ...first, amount: 0n }] }, 'ledger.entry-malformed'],
    ['no wallet', { postings: [{ ...first, wallet: null }, entry.postings[1]!] }, 'ledger.entry-malformed'],
    [
      'a wallet where none belongs',
      { postings: [first, { ...first, account: 'OUTSIDE', amount: -first.amount }] },
      'ledger.entry-malformed',
    ],
    ['a sum that is not zero', { postings: [first, first] }, 'ledger.entry-unbalanced'],
    [
      'assets that only balance together',
      { postings: [first, { ...first, account: 'PENDING', asset: ETH, amount: -first.amount }] },
      'ledger.entry-unbalanced',
    ],
  ])('refuses %s', (_name, changed, code) => {
    expect(codeOf(changed)).toBe(code);
  });
});

describe('any sequence of entries and reversals', () => {
  const owner = fc.constantFrom('alpha', 'beta', 'house');
  const asset = fc.constantFrom(BTC, ETH, TOKEN);
  const amount = fc.bigInt({ min: 1n, max: (1n << 200n) - 1n });
  const fee = fc.record({ asset, amount: fc.bigInt({ min: 0n, max: 10n ** 18n }) });
  const occurrence = fc.record({
    at: fc.record({
      chain: fc.constantFrom(REGTEST, 'eip155:31337' as const),
      height: fc.nat(),
      hash: fc.stringMatching(/^[0-9a-f]{8}$/),
    }),
    transaction: fc.stringMatching(/^[0-9a-f]{8}$/),
    position: fc.nat({ max: 9 }).map(String),
  });
  const moved = fc
    .tuple(occurrence, owner, asset, amount, fee, fc.nat({ max: 2 }))
    .map(([place, id, what, much, paid, n]) => ({
      ...place,
      owner: id,
      wallet: `${id}-${n}`,
      asset: what,
      amount: much,
      fee: paid,
    }));
  const anyEntries: fc.Arbitrary<readonly JournalEntry[]> = fc.oneof(
    fc
      .constantFrom(depositSeen, depositCredited, depositQuarantined, unexplainedSpend)
      .chain((make) => moved.map((move) => [make(move)])),
    moved.map((move) => [transferSent(move)]),
    moved.map((move) => [transferBetweenOwnWallets({ ...move, toWallet: `${move.owner}-9` })]),
    fc
      .tuple(moved, fc.constantFrom('FEE_INVOICE' as const, 'RESTITUTION' as const))
      .map(([move, purpose]) => transferBetweenOwners(purpose, move, { owner: 'gamma', wallet: 'gamma-0' })),
    moved.map((move) => [
      gasSpentForClient({ ...move, house: 'house', gasPayer: 'house-gas' }),
      gasGiftReceived({ ...move, client: move.owner }),
    ]),
    moved.map((move) => [gasSpent({ ...move, house: 'house', gasPayer: 'house-gas' })]),
  );
  const journal = fc.array(fc.tuple(anyEntries, fc.boolean()), { maxLength: 30 });

  it('balances each entry, and each owner and asset as a whole', () => {
    fc.assert(
      fc.property(journal, (steps) => {
        const entries = steps.flatMap(([made, taken]) => (taken ? [...made, ...made.map(reversal)] : made));
        for (const entry of entries) expect(checkEntry(entry).ok).toBe(true);
        for (const sum of sums(entries, (id, posting) => `${id} ${posting.asset}`).values()) expect(sum).toBe(0n);
      }),
    );
  });

  it('gives back by a reversal exactly what the entry took', () => {
    fc.assert(
      fc.property(journal, (steps) => {
        const kept = steps.flatMap(([made, taken]) => (taken ? [] : made));
        const all = [
          ...steps.flatMap(([made]) => made),
          ...steps.flatMap(([made, taken]) => (taken ? made.map(reversal) : [])),
        ];
        expect(nonZero(sums(all, everyAccount))).toEqual(nonZero(sums(kept, everyAccount)));
      }),
    );
  });
});

const everyAccount = (owner: string, { account, wallet, asset }: Posting) =>
  `${owner} ${account} ${wallet ?? '-'} ${asset}`;

function sums(entries: readonly JournalEntry[], key: (owner: string, posting: Posting) => string): Map<string, bigint> {
  const totals = new Map<string, bigint>();
  for (const { owner, postings } of entries) {
    for (const posting of postings) {
      totals.set(key(owner, posting), (totals.get(key(owner, posting)) ?? 0n) + posting.amount);
    }
  }
  return totals;
}

const nonZero = (totals: Map<string, bigint>) => new Map([...totals].filter(([, sum]) => sum !== 0n));

function available(entries: readonly JournalEntry[], wallet = 'alpha-btc', asset: AssetId = BTC): bigint {
  const totals = sums(entries, everyAccount);
  const of = (account: Account) => totals.get(everyAccount('alpha', { account, wallet, asset, amount: 0n })) ?? 0n;
  const position = positionOf('alpha', wallet, asset, {
    WALLET: of('WALLET'),
    PENDING: of('PENDING'),
    SUSPENSE: of('SUSPENSE'),
  });
  expect(position.available).toBe(position.walletTotal - position.pending - position.suspense);
  return position.available;
}
