import { bitcoinAsset, PURPOSES, REGTEST, type Purpose } from '@bulkhead/intent';
import fc from 'fast-check';
import { checkDeposit } from './check-deposit.js';
import { checkSpend } from './check-spend.js';
import type { Directory, Estate, ManagedAddress, SpendFacts, SpendOutput, SpendTerms } from './spend.js';

const ASSET = bitcoinAsset(REGTEST);

/** Owners with wallets, each with addresses on both branches; the house's addresses elsewhere; strangers. */
interface World {
  readonly managed: ReadonlyMap<string, ManagedAddress>;
  readonly outside: readonly string[];
  /** `<owner> <address>`: may name managed addresses too, since consent must not open a wall. */
  readonly consents: ReadonlySet<string>;
  readonly directory: Directory;
}

const OWNERS: readonly { id: string; estate: Estate }[] = [
  { id: 'alpha', estate: 'CLIENT' },
  { id: 'beta', estate: 'CLIENT' },
  { id: 'gamma', estate: 'CLIENT' },
  { id: 'house', estate: 'HOUSE' },
  { id: 'desk', estate: 'HOUSE' },
  { id: 'suspense', estate: 'SUSPENSE' },
];
const OUTSIDE = ['out-0', 'out-1', 'out-2'];

const walletShape = fc.record({ receive: fc.integer({ min: 1, max: 2 }), change: fc.nat(2), safe: fc.boolean() });
const worlds: fc.Arbitrary<World> = fc
  .tuple(
    ...OWNERS.map(() =>
      fc.record({ wallets: fc.array(walletShape, { minLength: 1, maxLength: 2 }), elsewhere: fc.nat(2) }),
    ),
  )
  .chain((shapes) => {
    const managed = new Map<string, ManagedAddress>();
    OWNERS.forEach(({ id: owner, estate }, i) => {
      shapes[i]!.wallets.forEach(({ receive, change, safe }, w) => {
        const wallet = `${owner}-w${w}`;
        const add = (branch: 0 | 1 | undefined, index: number | undefined) =>
          managed.set(`${wallet}-${branch ?? 'safe'}-${index ?? 0}`, { owner, estate, wallet, branch, index });
        if (safe) add(undefined, undefined);
        else {
          for (let index = 0; index < receive; index += 1) add(0, index);
          for (let index = 0; index < change; index += 1) add(1, index);
        }
      });
      for (let n = 0; estate === 'HOUSE' && n < shapes[i]!.elsewhere; n += 1)
        managed.set(`${owner}-elsewhere-${n}`, {
          owner,
          estate,
          wallet: undefined,
          branch: undefined,
          index: undefined,
        });
    });
    const addresses = [...managed.keys(), ...OUTSIDE];
    const pairs = OWNERS.flatMap(({ id }) => addresses.map((address) => `${id} ${address}`));
    return fc.subarray(pairs).map((consented) => {
      const consents = new Set(consented);
      return {
        managed,
        outside: OUTSIDE,
        consents,
        directory: {
          managed: (chain, address) => (chain === REGTEST ? managed.get(address) : undefined),
          isDestination: (owner, chain, address) => chain === REGTEST && consents.has(`${owner} ${address}`),
        },
      };
    });
  });

interface Spend {
  readonly world: World;
  readonly facts: SpendFacts;
  readonly terms: SpendTerms;
}

/** The purpose under which such a payment could be lawful at all. */
function fittingPurpose(from: ManagedAddress, to: ManagedAddress | undefined, test: boolean): Purpose {
  if (!to && test) return 'TEST_PAYMENT';
  if (!to || to.owner === from.owner) return 'PAYMENT';
  return to.estate === 'HOUSE' ? 'FEE_INVOICE' : 'RESTITUTION';
}

/** Spends that are right in most parts, so that many are accepted and each refusal has its own reason. */
const spends: fc.Arbitrary<Spend> = worlds.chain((world) => {
  const all = [...world.managed.keys(), ...world.outside];
  const wallets = [...new Map([...world.managed].filter(([, m]) => m.wallet).map(([, m]) => [m.wallet!, m])).values()];
  const shape = { home: fc.constantFrom(...wallets), payee: fc.constantFrom(...all), test: fc.boolean() };
  return fc.record(shape).chain(({ home, payee, test }) => {
    const own = [...world.managed].filter(([, m]) => m.wallet === home.wallet).map(([address]) => address);
    const mostly = (usual: readonly string[]) =>
      fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: fc.constantFrom(...all) });
    const output: fc.Arbitrary<SpendOutput> = fc.record({
      address: mostly([payee, payee, payee, ...own.filter((address) => world.managed.get(address)?.branch === 1)]),
      asset: fc.constant(ASSET),
      amount: fc.bigInt({ min: 0n, max: 100n }),
      kind: fc.oneof(
        { weight: 9, arbitrary: fc.constant('TRANSFER' as const) },
        { weight: 1, arbitrary: fc.constant('ALLOWANCE' as const) },
      ),
    });
    return fc.record({
      world: fc.constant(world),
      facts: fc.record({
        chain: fc.constant(REGTEST),
        sources: fc.array(fc.record({ resource: fc.uuid(), address: mostly(own) }), { minLength: 1, maxLength: 3 }),
        outputs: fc.array(output, { minLength: 1, maxLength: 3 }),
        fee: fc.record({
          asset: fc.constant(ASSET),
          amount: fc.oneof(fc.bigInt({ min: 0n, max: 5n }), fc.bigInt({ min: -1n, max: 10n })),
        }),
      }),
      terms: fc.record({
        owner: fc.constant(home.owner),
        estate: fc.constant(home.estate),
        wallet: fc.constant(home.wallet!),
        purpose: fc.oneof(
          { weight: 6, arbitrary: fc.constant(fittingPurpose(home, world.managed.get(payee), test)) },
          { weight: 1, arbitrary: fc.constantFrom(...PURPOSES) },
        ),
        payee: fc.constant(payee),
        maxFee: fc.bigInt({ min: 5n, max: 10n }),
        feeInvoiceCap: fc.constantFrom(
          () => 80n,
          () => undefined,
        ),
        testPaymentCap: fc.constantFrom(
          () => 90n,
          () => undefined,
        ),
      }),
    });
  });
});

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);

/** Invariants 1 and 2, said over the world instead of over the code. */
const spendsOneWallet = ({ world, facts, terms }: Spend): boolean =>
  facts.sources.length > 0 &&
  facts.sources.every(({ address }) => {
    const managed = world.managed.get(address);
    return managed?.owner === terms.owner && managed.wallet === terms.wallet;
  });

const isOwnChange = ({ world, terms }: Spend, { address, kind }: SpendOutput): boolean => {
  const managed = world.managed.get(address);
  return kind === 'TRANSFER' && address !== terms.payee && managed?.wallet === terms.wallet && managed.branch === 1;
};

const paidTo = (facts: SpendFacts, address: string): bigint =>
  sum(facts.outputs.filter((output) => output.address === address).map(({ amount }) => amount));

/** Invariant 3 about an output that leaves its owner. */
const mayCross = ({ world, facts, terms }: Spend, { address, kind }: SpendOutput): boolean => {
  const to = world.managed.get(address);
  if (kind !== 'TRANSFER' || address !== terms.payee || !to) return false;
  const paid = paidTo(facts, address);
  const cap = terms.feeInvoiceCap(ASSET);
  const invoice = terms.purpose === 'FEE_INVOICE' && terms.estate === 'CLIENT' && to.estate === 'HOUSE';
  const restitution = terms.purpose === 'RESTITUTION' && terms.estate === 'HOUSE' && to.estate === 'CLIENT';
  return (invoice && cap !== undefined && paid <= cap) || restitution;
};

const mayPay = (spend: Spend, output: SpendOutput): boolean => {
  const { world, terms } = spend;
  const to = world.managed.get(output.address);
  if (to && to.owner !== terms.owner) return mayCross(spend, output);
  if (isOwnChange(spend, output)) return true;
  const consented = to?.owner === terms.owner || world.consents.has(`${terms.owner} ${output.address}`);
  if (output.address !== terms.payee || !consented) return false;
  return terms.purpose === 'PAYMENT' || mayTest(spend, output);
};

/** A test payment goes to what is not under management, is small in all, and gives no right to spend later. */
const mayTest = ({ world, facts, terms }: Spend, { address, kind }: SpendOutput): boolean => {
  const cap = terms.testPaymentCap(ASSET);
  const small = cap !== undefined && paidTo(facts, address) <= cap;
  return terms.purpose === 'TEST_PAYMENT' && !world.managed.has(address) && kind === 'TRANSFER' && small;
};

const feeInBounds = ({ facts, terms }: Spend): boolean => facts.fee.amount >= 0n && facts.fee.amount <= terms.maxFee;

const verdictOf = ({ facts, terms, world }: Spend) => checkSpend(facts, terms, world.directory);

describe('in any world of owners, wallets, destinations and accounts elsewhere, an accepted spend', () => {
  const whenAccepted = (property: (spend: Spend) => void): void => {
    let seen = 0;
    fc.assert(
      fc.property(spends, (spend) => {
        if (!verdictOf(spend).ok) return;
        seen += 1;
        property(spend);
      }),
      { numRuns: 500 },
    );
    expect(seen).toBeGreaterThan(30);
  };

  it('takes coins of the one owner and wallet that its terms name', () => {
    whenAccepted((spend) => {
      expect(spendsOneWallet(spend)).toBe(true);
    });
  });

  it('pays another owner only by a capped invoice of the house, or by restitution of the house', () => {
    whenAccepted((spend) => {
      const crossing = spend.facts.outputs.filter(({ address }) => {
        const to = spend.world.managed.get(address);
        return to !== undefined && to.owner !== spend.terms.owner;
      });
      for (const output of crossing) expect(mayCross(spend, output)).toBe(true);
    });
  });

  it('tries only what is outside, with no more than the cap', () => {
    whenAccepted(({ world, facts, terms }) => {
      if (terms.purpose !== 'TEST_PAYMENT') return;
      expect(world.managed.has(terms.payee)).toBe(false);
      expect(paidTo(facts, terms.payee) <= (terms.testPaymentCap(ASSET) ?? -1n)).toBe(true);
    });
  });

  it('pays nobody else than the payee, and the wallet’s own change', () => {
    whenAccepted((spend) => {
      for (const output of spend.facts.outputs)
        expect(output.address === spend.terms.payee || isOwnChange(spend, output)).toBe(true);
    });
  });

  it('has a fee from zero up to its cap', () => {
    whenAccepted((spend) => {
      expect(feeInBounds(spend)).toBe(true);
    });
  });

  it('gives no allowance to another owner', () => {
    whenAccepted(({ facts, terms, world }) => {
      for (const { address } of facts.outputs.filter(({ kind }) => kind === 'ALLOWANCE'))
        expect(world.managed.get(address)?.owner ?? terms.owner).toBe(terms.owner);
    });
  });

  it('sorts every output into payments and change, once, and names every coin', () => {
    whenAccepted((spend) => {
      const verdict = verdictOf(spend);
      if (!verdict.ok) return;
      const { payments, change, resources } = verdict.value;
      expect(payments.length).toBeGreaterThan(0);
      expect(payments.length + change.length).toBe(spend.facts.outputs.length);
      expect(payments.every(({ address }) => address === spend.terms.payee)).toBe(true);
      expect(change.every((output) => isOwnChange(spend, output))).toBe(true);
      expect(resources).toEqual(spend.facts.sources.map(({ resource }) => resource));
    });
  });

  it('is refused once any output goes to another owner, who is not its payee, instead', () => {
    whenAccepted((spend) => {
      const others = [...spend.world.managed].filter(
        ([address, { owner }]) => owner !== spend.terms.owner && address !== spend.terms.payee,
      );
      for (let i = 0; i < spend.facts.outputs.length; i += 1) {
        for (const [address] of others) {
          const outputs = spend.facts.outputs.with(i, { ...spend.facts.outputs[i]!, address });
          expect(verdictOf({ ...spend, facts: { ...spend.facts, outputs } }).ok).toBe(false);
        }
      }
    });
  });

  it('is refused once any coin of another wallet joins it', () => {
    whenAccepted((spend) => {
      for (const [address, { wallet }] of spend.world.managed) {
        if (wallet === spend.terms.wallet) continue;
        const sources = [...spend.facts.sources, { resource: 'joined', address }];
        expect(verdictOf({ ...spend, facts: { ...spend.facts, sources } }).ok).toBe(false);
      }
    });
  });

  it('means nothing on another chain', () => {
    whenAccepted((spend) => {
      expect(verdictOf({ ...spend, facts: { ...spend.facts, chain: 'eip155:31337' } }).ok).toBe(false);
    });
  });
});

describe('in any world', () => {
  it('a spend is accepted exactly when no rule forbids it', () => {
    fc.assert(
      fc.property(spends, (spend) => {
        const { outputs } = spend.facts;
        const lawful =
          spendsOneWallet(spend) &&
          feeInBounds(spend) &&
          outputs.every((output) => mayPay(spend, output)) &&
          outputs.some(({ address }) => address === spend.terms.payee);
        expect(verdictOf(spend).ok).toBe(lawful);
      }),
      { numRuns: 1500 },
    );
  });

  it('a deposit is held exactly when some of it comes from another owner under management', () => {
    const deposits = worlds.chain((world) => {
      const all = [...world.managed.keys(), ...world.outside];
      return fc.record({
        world: fc.constant(world),
        receiver: fc.constantFrom(...world.managed.values()),
        sources: fc.array(fc.constantFrom(...all, ...world.outside, ...world.outside), { maxLength: 4 }),
      });
    });
    const seen = new Set<string>();
    fc.assert(
      fc.property(deposits, ({ world, receiver, sources }) => {
        const strangers = sources.filter((address) => {
          const owner = world.managed.get(address)?.owner;
          return owner !== undefined && owner !== receiver.owner;
        });
        const verdict = checkDeposit(REGTEST, receiver, sources, world.directory);
        seen.add(verdict.kind);
        expect(verdict).toEqual(
          strangers.length === 0
            ? { kind: 'CREDIT' }
            : { kind: 'QUARANTINE', from: strangers[0], fromOwner: world.managed.get(strangers[0]!)!.owner },
        );
      }),
      { numRuns: 500 },
    );
    expect(seen.size).toBe(2);
  });
});
