import { accepted, refused, type Result } from '@bulkhead/intent';
import type { Directory, Estate, ManagedAddress, SpendFacts, SpendOutput, SpendTerms } from './spend.js';

/** What remains of a spend that broke no rule. */
export interface SpendVerdict {
  readonly payments: readonly SpendOutput[];
  readonly change: readonly SpendOutput[];
  /** What this spend uses up for ever: outpoints or a Safe nonce. */
  readonly resources: readonly string[];
}

/**
 * The segregation invariants (docs/architecture.md, "What must always be true", 1 to 4) over decoded facts. No policy,
 * consent or quorum widens them: they are code.
 */
export function checkSpend(facts: SpendFacts, terms: SpendTerms, directory: Directory): Result<SpendVerdict> {
  const sources = checkSources(facts, terms, directory);
  if (!sources.ok) return sources;
  const fee = checkFee(facts, terms);
  if (!fee.ok) return fee;
  const payments: SpendOutput[] = [];
  const change: SpendOutput[] = [];
  for (const output of facts.outputs) {
    const role = classifyOutput(facts, output, terms, directory);
    if (!role.ok) return role;
    (role.value === 'CHANGE' ? change : payments).push(output);
  }
  if (payments.length === 0) {
    return refused('segregation.nothing-paid', 'The transaction pays nobody.', { wallet: terms.wallet });
  }
  return accepted({ payments, change, resources: facts.sources.map((source) => source.resource) });
}

/** Invariants 1 and 2: every coin is known, and all belong to the one owner, estate and wallet that the intent names. */
function checkSources(facts: SpendFacts, terms: SpendTerms, directory: Directory): Result<true> {
  if (facts.sources.length === 0) return refused('segregation.unknown-input', 'The transaction spends nothing.');
  const owners = new Set<string>();
  const estates = new Set<Estate>();
  const wallets = new Set<string>();
  for (const source of facts.sources) {
    const managed = directory.managed(facts.chain, source.address);
    if (!managed?.wallet) {
      return refused('segregation.unknown-input', 'A coin lies on an address that is not under management.', {
        address: source.address,
        coin: source.resource,
      });
    }
    owners.add(managed.owner);
    estates.add(managed.estate);
    wallets.add(managed.wallet);
  }
  if (owners.size !== 1 || !owners.has(terms.owner) || estates.size !== 1 || !estates.has(terms.estate)) {
    return refused('segregation.mixed-owners', 'A transaction spends coins of one owner only.', {
      owner: terms.owner,
      owners: [...owners].sort().join(', '),
      estates: [...estates].sort().join(', '),
    });
  }
  if (wallets.size !== 1 || !wallets.has(terms.wallet)) {
    return refused('transfer.payload-differs', 'The coins are not those of the wallet that the intent names.', {
      wallet: terms.wallet,
      wallets: [...wallets].sort().join(', '),
    });
  }
  return accepted(true);
}

/** Invariant 3 (d): fees under a cap. */
function checkFee(facts: SpendFacts, terms: SpendTerms): Result<true> {
  const { amount } = facts.fee;
  if (amount < 0n) return refused('segregation.fee-negative', 'Outputs exceed inputs.', { fee: amount.toString() });
  if (amount > terms.maxFee) {
    return refused('segregation.fee-over-cap', 'The fee is over the cap.', {
      fee: amount.toString(),
      cap: terms.maxFee.toString(),
    });
  }
  return accepted(true);
}

/** Invariant 3: what one output may be. */
function classifyOutput(
  facts: SpendFacts,
  output: SpendOutput,
  terms: SpendTerms,
  directory: Directory,
): Result<'PAYMENT' | 'CHANGE'> {
  const managed = directory.managed(facts.chain, output.address);
  if (managed && managed.owner !== terms.owner) return crossesOwners(facts, output, managed, terms);
  const isPayee = output.address === terms.payee;
  if (!isPayee) {
    const ownChange = managed?.wallet === terms.wallet && managed.branch === 1 && output.kind === 'TRANSFER';
    return ownChange
      ? accepted('CHANGE')
      : refused('segregation.change-not-own', 'An output is neither the payee nor this wallet’s own change.', {
          address: output.address,
          amount: output.amount.toString(),
        });
  }
  const testing = terms.purpose === 'TEST_PAYMENT' && !managed;
  if (terms.purpose !== 'PAYMENT' && !testing) {
    return refused('segregation.purpose-not-allowed', 'This purpose does not pay such an address.', {
      purpose: terms.purpose,
      address: output.address,
    });
  }
  if (!managed && !directory.isDestination(terms.owner, facts.chain, output.address)) {
    return refused(
      'segregation.unknown-destination',
      'Not an approved destination of this owner: have it approved first.',
      {
        owner: terms.owner,
        address: output.address,
      },
    );
  }
  return testing ? checkTestPayment(facts, output, terms) : accepted('PAYMENT');
}

/** A test payment tries a destination with little: up to its cap in all, and never as a right to spend later. */
function checkTestPayment(facts: SpendFacts, output: SpendOutput, terms: SpendTerms): Result<'PAYMENT'> {
  const cap = terms.testPaymentCap(output.asset);
  const paid = totalPaid(facts, output);
  if (output.kind === 'TRANSFER' && cap !== undefined && paid <= cap) return accepted('PAYMENT');
  return refused('segregation.test-payment-over-cap', 'A test payment is small: the firm’s limits say how small.', {
    asset: output.asset,
    amount: paid.toString(),
    cap: cap?.toString() ?? 'none',
  });
}

/** The only two payments that cross owners: a capped fee invoice to the house, and restitution by the house. */
function crossesOwners(
  facts: SpendFacts,
  output: SpendOutput,
  managed: ManagedAddress,
  terms: SpendTerms,
): Result<'PAYMENT'> {
  if (output.kind === 'TRANSFER' && output.address === terms.payee) {
    if (terms.estate === 'CLIENT' && managed.estate === 'HOUSE' && terms.purpose === 'FEE_INVOICE') {
      const cap = terms.feeInvoiceCap(output.asset);
      if (cap !== undefined && totalPaid(facts, output) <= cap) return accepted('PAYMENT');
    }
    const intoClientWallet = managed.estate === 'CLIENT' && managed.wallet !== undefined;
    if (terms.estate === 'HOUSE' && intoClientWallet && terms.purpose === 'RESTITUTION') return accepted('PAYMENT');
  }
  const refusalFacts = { from: terms.owner, to: managed.owner, address: output.address };
  if (managed.estate === 'HOUSE') {
    return refused(
      'segregation.pays-house',
      'Assets of another owner never go to an address of the house.',
      refusalFacts,
    );
  }
  return terms.estate === 'HOUSE'
    ? refused('segregation.house-pays-client', 'House assets never go to an address of a client.', refusalFacts)
    : refused('segregation.pays-other-client', 'Assets of one client never go to an address of another.', refusalFacts);
}

/** What all outputs to the same address take of the same asset: a cap cannot be had twice by paying twice. */
const totalPaid = (facts: SpendFacts, { address, asset }: SpendOutput): bigint =>
  facts.outputs
    .filter((output) => output.address === address && output.asset === asset)
    .reduce((sum, output) => sum + output.amount, 0n);
