import { bitcoinAsset, PURPOSES, REGTEST } from '@bulkhead/intent';
import fc from 'fast-check';
import type { MinedBitcoinTransaction } from '../../chains/bitcoin-client.js';
import { readBitcoinBlock, type BitcoinLookups } from './bitcoin-block.js';
import type { Coin, KnownTransfer, WatchedAddress } from './block-changes.js';

const own = (wallet: string | undefined, owner: string, branch: 0 | 1, index: number): WatchedAddress => ({
  address: `${wallet ?? owner}/${String(branch)}/${String(index)}`,
  wallet,
  owner,
  estate: owner === 'house' ? 'HOUSE' : 'CLIENT',
  kind: wallet === undefined ? undefined : 'bitcoin-multisig',
  branch: wallet === undefined ? undefined : branch,
  index: wallet === undefined ? undefined : index,
});
const WATCHED = [
  ...['alpha', 'beta', 'house'].flatMap((owner) => [
    own(`${owner}-btc`, owner, 0, 0),
    own(`${owner}-btc`, owner, 1, 0),
    own(`${owner}-cold`, owner, 0, 0),
  ]),
  own(undefined, 'house', 0, 0),
];
const at = (address: string) => WATCHED.find((watched) => watched.address === address);

const coin = (outpoint: string, wallet: string, amountSat: bigint): Coin => {
  const [txid = '', vout = ''] = outpoint.split(':');
  const owner = wallet.split('-')[0] ?? '';
  return { txid, vout: Number(vout), wallet, owner, address: `${wallet}/0/0`, branch: 0, index: 0, amountSat };
};

interface Sketch {
  readonly txid: string;
  /** Outpoint to the address it lies on. */
  readonly spends?: Readonly<Record<string, string>>;
  readonly pays: readonly (readonly [address: string | undefined, amountSat: bigint])[];
  readonly isCoinbase?: boolean;
}
const transaction = ({ txid, spends = { 'f00d:0': 'stranger' }, pays, isCoinbase = false }: Sketch) =>
  ({
    txid,
    isCoinbase,
    outpoints: isCoinbase ? [] : Object.keys(spends),
    outputs: pays.map(([address, amountSat], index) => ({ index, address, amountSat, scriptPubKey: '' })),
    vsize: 100,
    spentAddresses: new Map(isCoinbase ? [] : Object.entries(spends)),
    raw: `raw of ${txid}`,
  }) satisfies MinedBitcoinTransaction;

interface Register {
  readonly coins?: Readonly<Record<string, Coin>>;
  readonly transfers?: Readonly<Record<string, KnownTransfer>>;
}
function read(sketches: readonly Sketch[], { coins = {}, transfers = {} }: Register = {}) {
  const lookups: BitcoinLookups = {
    chain: REGTEST,
    confirmations: 3,
    watched: at,
    coin: (outpoint) => coins[outpoint],
    transfer: (txid) => transfers[txid],
  };
  return readBitcoinBlock(
    { height: 200, hash: 'block-200', parent: 'block-199', transactions: sketches.map(transaction) },
    lookups,
  );
}

/** What the entries move in and out of the WALLET account. */
function walletMovements({ entries }: ReturnType<typeof read>): Record<string, bigint> {
  const sums: Record<string, bigint> = {};
  for (const { account, wallet, amount } of entries.flatMap((entry) => entry.postings)) {
    if (account === 'WALLET' && wallet !== null) sums[wallet] = (sums[wallet] ?? 0n) + amount;
  }
  return sums;
}

const transfer = (changes: Partial<KnownTransfer> = {}): KnownTransfer => ({
  id: 'transfer-1',
  owner: 'alpha',
  wallet: 'alpha-btc',
  purpose: 'PAYMENT',
  asset: bitcoinAsset(REGTEST),
  amount: 60n,
  payee: 'bank',
  ...changes,
});

describe('reading a Bitcoin block', () => {
  it('passes over what touches nobody', () => {
    const changes = read([
      {
        txid: 'aa',
        pays: [
          ['bank', 5n],
          [undefined, 0n],
        ],
      },
    ]);
    expect(changes.outcomes).toEqual([]);
    expect(changes.entries).toEqual([]);
  });

  it('takes a deposit in, due when its confirmations are complete', () => {
    const changes = read([
      {
        txid: 'aa',
        pays: [
          ['bank', 5n],
          ['alpha-btc/0/0', 100n],
        ],
      },
    ]);
    expect(changes.deposits).toMatchObject([
      { wallet: 'alpha-btc', position: '1', amount: 100n, status: 'PENDING', dueHeight: 202, sources: ['stranger'] },
    ]);
    expect(changes.newCoins).toMatchObject([{ txid: 'aa', vout: 1, status: 'PENDING', rawTransaction: 'raw of aa' }]);
    expect(changes.entries.map(({ kind }) => kind)).toEqual(['deposit-seen']);
  });

  it('lets a coinbase deposit wait until the network lets it be spent', () => {
    const { deposits } = read([{ txid: 'aa', pays: [['alpha-btc/0/0', 100n]], isCoinbase: true }]);
    expect(deposits[0]?.dueHeight).toBe(299);
  });

  it('quarantines a deposit as soon as one of its sources is of another owner', () => {
    const spends = { 'f00d:0': 'stranger', 'f00d:1': 'house/0/0' };
    const changes = read([{ txid: 'aa', spends, pays: [['alpha-btc/0/0', 100n]] }]);
    expect(changes.deposits).toMatchObject([{ status: 'QUARANTINED' }]);
    expect(changes.newCoins).toMatchObject([{ status: 'QUARANTINED' }]);
    expect(changes.entries.map(({ kind }) => kind)).toEqual(['deposit-quarantined']);
    expect(changes.incidents).toMatchObject([
      { kind: 'deposit.quarantined', wallet: 'alpha-btc', detail: { from: 'house/0/0', fromOwner: 'house' } },
    ]);
  });

  it('books a transfer with what it paid, what came back and what the network took', () => {
    const changes = read(
      [
        {
          txid: 'aa',
          spends: { 'c0:0': 'alpha-btc/0/0' },
          pays: [
            ['bank', 60n],
            ['alpha-btc/1/0', 30n],
          ],
        },
      ],
      { coins: { 'c0:0': coin('c0:0', 'alpha-btc', 100n) }, transfers: { aa: transfer() } },
    );
    expect(walletMovements(changes)).toEqual({ 'alpha-btc': -70n });
    expect(changes.outcomes).toEqual([{ transaction: 'aa', succeeded: true, fee: 10n }]);
    expect(changes.newCoins).toMatchObject([{ vout: 1, status: 'AVAILABLE', branch: 1 }]);
    expect(changes.spentCoins).toEqual([{ txid: 'c0', vout: 0, spentBy: 'aa' }]);
    expect([changes.deposits, changes.incidents]).toEqual([[], []]);
  });

  it.each([
    ['PAYMENT', 'alpha-cold/0/0', ['transfer-between-own-wallets'], { 'alpha-btc': -70n, 'alpha-cold': 60n }],
    [
      'FEE_INVOICE',
      'house-btc/0/0',
      ['fee-invoice-sent', 'fee-invoice-received'],
      { 'alpha-btc': -70n, 'house-btc': 60n },
    ],
    ['FEE_INVOICE', 'house/0/0', ['transfer-sent'], { 'alpha-btc': -70n }],
  ] as const)('books a %s to %s as %j', (purpose, payee, kinds, movements) => {
    const changes = read(
      [
        {
          txid: 'aa',
          spends: { 'c0:0': 'alpha-btc/0/0' },
          pays: [
            [payee, 60n],
            ['alpha-btc/1/0', 30n],
          ],
        },
      ],
      { coins: { 'c0:0': coin('c0:0', 'alpha-btc', 100n) }, transfers: { aa: transfer({ purpose, payee }) } },
    );
    expect(changes.entries.map(({ kind }) => kind)).toEqual(kinds);
    expect(walletMovements(changes)).toEqual(movements);
    expect(changes.newCoins.every(({ status }) => status === 'AVAILABLE')).toBe(true);
    expect(changes.deposits).toEqual([]);
  });

  it('does not take a transaction for a transfer when it spends anything else besides', () => {
    const spends = { 'c0:0': 'alpha-btc/0/0', 'f00d:0': 'stranger' };
    const changes = read([{ txid: 'aa', spends, pays: [['bank', 60n]] }], {
      coins: { 'c0:0': coin('c0:0', 'alpha-btc', 100n) },
      transfers: { aa: transfer() },
    });
    expect(changes.incidents).toMatchObject([{ kind: 'spend.unexplained', wallet: 'alpha-btc' }]);
    expect(walletMovements(changes)).toEqual({ 'alpha-btc': -100n });
  });

  it('reports a spend that nobody asked for, wallet by wallet, and holds what reaches another owner', () => {
    const spends = { 'c0:0': 'alpha-btc/0/0', 'c1:0': 'beta-btc/0/0' };
    const changes = read([{ txid: 'aa', spends, pays: [['house-btc/0/0', 150n]] }], {
      coins: { 'c0:0': coin('c0:0', 'alpha-btc', 100n), 'c1:0': coin('c1:0', 'beta-btc', 60n) },
    });
    expect(changes.incidents.map(({ kind, wallet }) => `${kind} ${wallet}`)).toEqual([
      'spend.unexplained alpha-btc',
      'spend.unexplained beta-btc',
      'deposit.quarantined house-btc',
    ]);
    expect(walletMovements(changes)).toEqual({ 'alpha-btc': -100n, 'beta-btc': -60n, 'house-btc': 150n });
  });

  it('follows a coin that is made and spent in the same block', () => {
    const changes = read([
      { txid: 'aa', pays: [['alpha-btc/0/0', 100n]] },
      { txid: 'bb', spends: { 'aa:0': 'alpha-btc/0/0' }, pays: [['bank', 90n]] },
    ]);
    expect(changes.spentCoins).toEqual([{ txid: 'aa', vout: 0, spentBy: 'bb' }]);
    expect(walletMovements(changes)).toEqual({ 'alpha-btc': 0n });
    expect(changes.incidents).toMatchObject([{ kind: 'spend.unexplained' }]);
  });

  it('moves the register by what lies on chain, whatever a block holds', () => {
    const addresses = [...WATCHED.map(({ address }) => address), 'bank', 'stranger', undefined];
    const output = fc.tuple(fc.constantFrom(...addresses), fc.bigInt(0n, 50n));
    const held = ['alpha-btc', 'alpha-cold', 'beta-btc', 'house-btc'].map((wallet, i) =>
      coin(`c${String(i)}:0`, wallet, 200n),
    );
    const world = fc.record({
      spent: fc.subarray(held),
      pays: fc.array(output, { minLength: 1, maxLength: 3 }),
      purpose: fc.constantFrom(...PURPOSES),
      payee: fc.constantFrom('bank', ...WATCHED.map(({ address }) => address)),
      isKnown: fc.boolean(),
      withStranger: fc.boolean(),
    });
    fc.assert(
      fc.property(world, ({ spent, pays, purpose, payee, isKnown, withStranger }) => {
        const [first] = spent;
        const spends = Object.fromEntries([
          ...spent.map((each) => [`${each.txid}:0`, each.address]),
          ...(withStranger || !first ? [['f00d:0', 'stranger']] : []),
        ]) as Record<string, string>;
        const known: Record<string, KnownTransfer> =
          isKnown && first ? { aa: transfer({ purpose, payee, wallet: first.wallet, owner: first.owner }) } : {};
        const changes = read([{ txid: 'aa', spends, pays }], {
          coins: Object.fromEntries(spent.map((each) => [`${each.txid}:0`, each])),
          transfers: known,
        });
        const onChain: Record<string, bigint> = {};
        for (const each of spent) onChain[each.wallet] = (onChain[each.wallet] ?? 0n) - each.amountSat;
        for (const [address, amount] of pays) {
          const wallet = address === undefined ? undefined : at(address)?.wallet;
          if (wallet !== undefined) onChain[wallet] = (onChain[wallet] ?? 0n) + amount;
        }
        const register = walletMovements(changes);
        for (const wallet of new Set([...Object.keys(onChain), ...Object.keys(register)])) {
          expect([wallet, register[wallet] ?? 0n]).toEqual([wallet, onChain[wallet] ?? 0n]);
        }
      }),
    );
  });
});
