import { bitcoinAsset, erc20Asset, etherAsset, REGTEST, type ChainId } from '@bulkhead/intent';
import { checkSpend } from './check-spend.js';
import type { Directory, ManagedAddress, SpendFacts, SpendOutput, SpendTerms } from './spend.js';

const BTC = bitcoinAsset(REGTEST);
const EVM: ChainId = 'eip155:31337';
const ETH = etherAsset('eip155:31337');
const USD = erc20Asset('eip155:31337', `0x${'cc'.repeat(20)}`);

const bitcoinAddress = (owner: string, estate: ManagedAddress['estate'], wallet: string, branch: 0 | 1, index = 0) =>
  ({ owner, estate, wallet, branch, index }) satisfies ManagedAddress;
const account = (owner: string, estate: ManagedAddress['estate'], wallet?: string): ManagedAddress => ({
  owner,
  estate,
  wallet,
  branch: undefined,
  index: undefined,
});

const MANAGED: Readonly<Record<string, ManagedAddress>> = {
  'alpha-0': bitcoinAddress('alpha', 'CLIENT', 'alpha-btc', 0),
  'alpha-0b': bitcoinAddress('alpha', 'CLIENT', 'alpha-btc', 0, 1),
  'alpha-1': bitcoinAddress('alpha', 'CLIENT', 'alpha-btc', 1),
  'alpha-cold-0': bitcoinAddress('alpha', 'CLIENT', 'alpha-cold', 0),
  'alpha-cold-1': bitcoinAddress('alpha', 'CLIENT', 'alpha-cold', 1),
  'beta-0': bitcoinAddress('beta', 'CLIENT', 'beta-btc', 0),
  'beta-1': bitcoinAddress('beta', 'CLIENT', 'beta-btc', 1),
  'house-0': bitcoinAddress('house', 'HOUSE', 'house-btc', 0),
  'house-1': bitcoinAddress('house', 'HOUSE', 'house-btc', 1),
  'desk-0': bitcoinAddress('desk', 'HOUSE', 'desk-btc', 0),
  'house-exchange': account('house', 'HOUSE'),
  'suspense-0': bitcoinAddress('suspense', 'SUSPENSE', 'suspense-btc', 0),
  'alpha-safe': account('alpha', 'CLIENT', 'alpha-safe'),
  'beta-safe': account('beta', 'CLIENT', 'beta-safe'),
  'house-safe': account('house', 'HOUSE', 'house-safe'),
};
/** It also claims that managed addresses of others are destinations: no consent may open those walls. */
const directory: Directory = {
  managed: (_, address) => MANAGED[address],
  isDestination: (owner, _, address) => address === `${owner}-payee` || address in MANAGED,
};

const pay = (address: string, amount = 1000n, asset = BTC): SpendOutput => ({
  address,
  asset,
  amount,
  kind: 'TRANSFER',
});
const allow = (address: string, amount = 1000n): SpendOutput => ({ address, asset: USD, amount, kind: 'ALLOWANCE' });
const coins = (...addresses: string[]) => addresses.map((address, i) => ({ resource: `coin:${i}`, address }));
const bitcoin = (changes: Partial<SpendFacts> = {}): SpendFacts => ({
  chain: REGTEST,
  sources: coins('alpha-0'),
  outputs: [pay('alpha-payee'), pay('alpha-1')],
  fee: { asset: BTC, amount: 500n },
  ...changes,
});
const safe = (...outputs: SpendOutput[]): SpendFacts => ({
  chain: EVM,
  sources: [{ resource: 'nonce:0', address: 'alpha-safe' }],
  outputs,
  fee: { asset: ETH, amount: 0n },
});
const terms = (changes: Partial<SpendTerms> = {}): SpendTerms => ({
  owner: 'alpha',
  estate: 'CLIENT',
  wallet: 'alpha-btc',
  purpose: 'PAYMENT',
  payee: 'alpha-payee',
  maxFee: 500n,
  feeInvoiceCap: (asset) => (asset === BTC ? 5000n : undefined),
  testPaymentCap: (asset) => (asset === BTC || asset === ETH ? 2000n : undefined),
  ...changes,
});
const safeTerms = (changes: Partial<SpendTerms> = {}) => terms({ wallet: 'alpha-safe', ...changes });
const houseTerms = (changes: Partial<SpendTerms> = {}) =>
  terms({ owner: 'house', estate: 'HOUSE', wallet: 'house-btc', payee: 'house-payee', ...changes });
const codeOf = (facts: SpendFacts, spendTerms: SpendTerms = terms()): string => {
  const verdict = checkSpend(facts, spendTerms, directory);
  return verdict.ok ? 'accepted' : verdict.refusal.code;
};

describe('a spend of a client’s wallet', () => {
  it('pays an approved destination and its own change, and says what it uses up', () => {
    const facts = bitcoin({ sources: coins('alpha-0', 'alpha-0b', 'alpha-1') });
    expect(checkSpend(facts, terms(), directory)).toEqual({
      ok: true,
      value: {
        payments: [facts.outputs[0]],
        change: [facts.outputs[1]],
        resources: ['coin:0', 'coin:1', 'coin:2'],
      },
    });
  });

  it.each(['alpha-cold-0', 'alpha-0b', 'alpha-1'])('pays %s of the same client', (payee) => {
    expect(codeOf(bitcoin({ outputs: [pay(payee)] }), terms({ payee }))).toBe('accepted');
  });

  it('spends known coins only, and some', () => {
    expect(codeOf(bitcoin({ sources: [] }))).toBe('segregation.unknown-input');
    expect(codeOf(bitcoin({ sources: coins('alpha-0', 'stranger') }))).toBe('segregation.unknown-input');
    // an address of the house that is held elsewhere has no wallet to spend from
    expect(codeOf(bitcoin({ sources: coins('house-exchange') }), houseTerms())).toBe('segregation.unknown-input');
  });

  it('spends coins of one owner only', () => {
    expect(codeOf(bitcoin({ sources: coins('alpha-0', 'beta-0') }))).toBe('segregation.mixed-owners');
    expect(codeOf(bitcoin({ sources: coins('alpha-0', 'house-0') }))).toBe('segregation.mixed-owners');
    expect(codeOf(bitcoin({ sources: coins('beta-0') }))).toBe('segregation.mixed-owners');
    expect(codeOf(bitcoin(), terms({ owner: 'beta' }))).toBe('segregation.mixed-owners');
  });

  it('is of the estate that the directory knows, whatever its terms say', () => {
    const asHouse = terms({ estate: 'HOUSE', purpose: 'RESTITUTION', payee: 'beta-0' });
    expect(codeOf(bitcoin({ outputs: [pay('beta-0')] }), asHouse)).toBe('segregation.mixed-owners');
  });

  it('spends coins of the wallet that was named only', () => {
    expect(codeOf(bitcoin({ sources: coins('alpha-0', 'alpha-cold-0') }))).toBe('transfer.payload-differs');
    expect(codeOf(bitcoin({ sources: coins('alpha-cold-0') }))).toBe('transfer.payload-differs');
  });

  it('never pays the house', () => {
    for (const payee of ['house-0', 'house-1', 'house-exchange', 'desk-0']) {
      expect(codeOf(bitcoin({ outputs: [pay(payee)] }), terms({ payee }))).toBe('segregation.pays-house');
      expect(codeOf(bitcoin({ outputs: [pay('alpha-payee'), pay(payee)] }))).toBe('segregation.pays-house');
    }
  });

  it('never pays another client, nor what is not attributed yet', () => {
    for (const payee of ['beta-0', 'beta-1', 'suspense-0']) {
      for (const purpose of ['PAYMENT', 'FEE_INVOICE', 'RESTITUTION'] as const)
        expect(codeOf(bitcoin({ outputs: [pay(payee)] }), terms({ payee, purpose }))).toBe(
          'segregation.pays-other-client',
        );
      expect(codeOf(bitcoin({ outputs: [pay('alpha-payee'), pay(payee)] }))).toBe('segregation.pays-other-client');
    }
  });

  it('pays nobody who was not approved for this very owner', () => {
    for (const payee of ['stranger', 'beta-payee'])
      expect(codeOf(bitcoin({ outputs: [pay(payee)] }), terms({ payee }))).toBe('segregation.unknown-destination');
  });

  it('has no output beside the payee and its wallet’s own change', () => {
    // a receive address, another wallet's change, a stranger, another approved destination
    for (const address of ['alpha-0', 'alpha-0b', 'alpha-cold-0', 'alpha-cold-1', 'stranger', 'beta-payee'])
      expect(codeOf(bitcoin({ outputs: [pay('alpha-payee'), pay(address)] }))).toBe('segregation.change-not-own');
  });

  it('pays somebody', () => {
    expect(codeOf(bitcoin({ outputs: [] }))).toBe('segregation.nothing-paid');
    expect(codeOf(bitcoin({ outputs: [pay('alpha-1')] }))).toBe('segregation.nothing-paid');
  });

  it('pays a fee from zero up to the cap', () => {
    const fee = (amount: bigint) => codeOf(bitcoin({ fee: { asset: BTC, amount } }));
    expect(fee(0n)).toBe('accepted');
    expect(fee(500n)).toBe('accepted');
    expect(fee(501n)).toBe('segregation.fee-over-cap');
    expect(fee(-1n)).toBe('segregation.fee-negative');
  });

  it('of another purpose than PAYMENT pays no destination and no own wallet', () => {
    for (const purpose of ['FEE_INVOICE', 'RESTITUTION'] as const) {
      for (const payee of ['alpha-payee', 'alpha-cold-0'])
        expect(codeOf(bitcoin({ outputs: [pay(payee)] }), terms({ payee, purpose }))).toBe(
          'segregation.purpose-not-allowed',
        );
    }
  });
});

describe('a fee invoice', () => {
  const invoice = (payee: string, outputs: SpendOutput[], changes: Partial<SpendTerms> = {}) =>
    codeOf(bitcoin({ outputs }), terms({ purpose: 'FEE_INVOICE', payee, ...changes }));

  it('is the one way from a client to the house, up to its cap', () => {
    for (const payee of ['house-0', 'house-exchange', 'desk-0']) {
      expect(invoice(payee, [pay(payee, 5000n), pay('alpha-1')])).toBe('accepted');
      expect(invoice(payee, [pay(payee, 5001n)])).toBe('segregation.pays-house');
    }
  });

  it('cannot have its cap twice by paying in two parts', () => {
    expect(invoice('house-0', [pay('house-0', 2500n), pay('house-0', 2500n)])).toBe('accepted');
    expect(invoice('house-0', [pay('house-0', 2500n), pay('house-0', 2501n)])).toBe('segregation.pays-house');
  });

  it('pays the invoicing house entity only', () => {
    expect(invoice('house-0', [pay('house-0'), pay('desk-0')])).toBe('segregation.pays-house');
  });

  it('is refused in an asset without a cap, and as an allowance', () => {
    const terms_ = safeTerms({ purpose: 'FEE_INVOICE', payee: 'house-safe' });
    expect(codeOf(safe(pay('house-safe', 1n, USD)), terms_)).toBe('segregation.pays-house');
    expect(codeOf(safe(allow('house-safe')), { ...terms_, feeInvoiceCap: () => 5000n })).toBe('segregation.pays-house');
  });

  it('is no way from one house entity to another', () => {
    const facts = bitcoin({ sources: coins('house-0'), outputs: [pay('desk-0')] });
    for (const purpose of ['PAYMENT', 'FEE_INVOICE', 'RESTITUTION'] as const)
      expect(codeOf(facts, houseTerms({ payee: 'desk-0', purpose }))).toBe('segregation.pays-house');
  });
});

describe('a test payment', () => {
  const test = (payee: string, outputs: SpendOutput[], changes: Partial<SpendTerms> = {}) =>
    codeOf(bitcoin({ outputs }), terms({ purpose: 'TEST_PAYMENT', payee, ...changes }));

  it('pays a destination of the owner, up to its cap in all', () => {
    expect(test('alpha-payee', [pay('alpha-payee', 2000n), pay('alpha-1')])).toBe('accepted');
    expect(test('alpha-payee', [pay('alpha-payee', 2001n)])).toBe('segregation.test-payment-over-cap');
    expect(test('alpha-payee', [pay('alpha-payee', 1000n), pay('alpha-payee', 1001n)])).toBe(
      'segregation.test-payment-over-cap',
    );
  });

  it('pays nobody else, and nothing under management', () => {
    for (const payee of ['stranger', 'beta-payee'])
      expect(test(payee, [pay(payee)])).toBe('segregation.unknown-destination');
    for (const payee of ['alpha-cold-0', 'alpha-0b', 'alpha-1'])
      expect(test(payee, [pay(payee)])).toBe('segregation.purpose-not-allowed');
    expect(test('house-0', [pay('house-0')])).toBe('segregation.pays-house');
    expect(test('beta-0', [pay('beta-0')])).toBe('segregation.pays-other-client');
  });

  it('is refused in an asset without a cap, and as an allowance', () => {
    const terms_ = safeTerms({ purpose: 'TEST_PAYMENT' });
    expect(codeOf(safe(pay('alpha-payee', 1n, ETH)), terms_)).toBe('accepted');
    expect(codeOf(safe(pay('alpha-payee', 1n, USD)), terms_)).toBe('segregation.test-payment-over-cap');
    expect(codeOf(safe(allow('alpha-payee', 1n)), { ...terms_, testPaymentCap: () => 5n })).toBe(
      'segregation.test-payment-over-cap',
    );
  });

  it('is made by the house to its own destinations as well, and never to a client', () => {
    const spend = (payee: string) =>
      codeOf(
        bitcoin({ sources: coins('house-0'), outputs: [pay(payee)] }),
        houseTerms({ payee, purpose: 'TEST_PAYMENT' }),
      );
    expect(spend('house-payee')).toBe('accepted');
    expect(spend('alpha-0')).toBe('segregation.house-pays-client');
  });
});

describe('the house', () => {
  const spend = (payee: string, changes: Partial<SpendTerms> = {}, outputs = [pay(payee)]) =>
    codeOf(bitcoin({ sources: coins('house-0'), outputs }), houseTerms({ payee, ...changes }));

  it('pays its own destinations, wallets and accounts elsewhere', () => {
    for (const payee of ['house-payee', 'house-1', 'house-exchange']) expect(spend(payee)).toBe('accepted');
  });

  it('never pays a client but as restitution', () => {
    expect(spend('alpha-0')).toBe('segregation.house-pays-client');
    expect(spend('alpha-0', { purpose: 'FEE_INVOICE' })).toBe('segregation.house-pays-client');
    expect(spend('alpha-0', { purpose: 'RESTITUTION' })).toBe('accepted');
    expect(spend('alpha-0', { purpose: 'RESTITUTION' }, [pay('alpha-0'), pay('beta-0')])).toBe(
      'segregation.house-pays-client',
    );
  });

  it('makes no restitution into suspense', () => {
    expect(spend('suspense-0', { purpose: 'RESTITUTION' })).toBe('segregation.house-pays-client');
  });
});

describe('a Safe', () => {
  it('pays ether and tokens to an approved destination', () => {
    expect(codeOf(safe(pay('alpha-payee', 1n, ETH)), safeTerms())).toBe('accepted');
    expect(codeOf(safe(pay('alpha-payee', 1n, USD)), safeTerms())).toBe('accepted');
  });

  it('has no change: what is not the payee is refused', () => {
    for (const address of ['alpha-safe', 'stranger'])
      expect(codeOf(safe(pay('alpha-payee', 1n, ETH), pay(address, 1n, ETH)), safeTerms())).toBe(
        'segregation.change-not-own',
      );
  });

  it('gives allowances to the payee only, and never across owners', () => {
    expect(codeOf(safe(allow('alpha-payee')), safeTerms())).toBe('accepted');
    expect(codeOf(safe(allow('stranger')), safeTerms({ payee: 'stranger' }))).toBe('segregation.unknown-destination');
    expect(codeOf(safe(pay('alpha-payee', 1n, USD), allow('stranger')), safeTerms())).toBe(
      'segregation.change-not-own',
    );
    expect(codeOf(safe(allow('beta-safe')), safeTerms({ payee: 'beta-safe' }))).toBe('segregation.pays-other-client');
    expect(codeOf(safe(allow('house-safe')), safeTerms({ payee: 'house-safe' }))).toBe('segregation.pays-house');
    const fromHouse = { ...safe(allow('alpha-safe')), sources: coins('house-safe') };
    const restitution = houseTerms({ wallet: 'house-safe', purpose: 'RESTITUTION', payee: 'alpha-safe' });
    expect(codeOf(fromHouse, restitution)).toBe('segregation.house-pays-client');
  });
});
