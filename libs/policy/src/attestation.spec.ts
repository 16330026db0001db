import { generateKeyPairSync } from 'node:crypto';
import { ed25519PublicKey } from '@bulkhead/approval';
import { intentDigest, type Digest } from '@bulkhead/intent';
import fc from 'fast-check';
import { attestPrice, attestTravelRule } from '../../../test/support/attestors.js';
import { instant, makeMember, publicPart } from '../../../test/support/members.js';
import { alphaPays, BTC, BTC_WISH, ETH, firmWith } from '../../../test/support/usual-transfers.js';
import { hundredths } from './cedar/facts.js';
import { decideTransfer, NO_HISTORY, signAttestation, type Attestation } from './index.js';

const ticker = makeMember('ticker', 'attestor');
const SCOPE = '(principal, action == Action::"transfer", resource)';
const firm = firmWith();
firm.append({ kind: 'member.enrol', member: publicPart(ticker) });
const { omar } = firm.members;
const request = firm.transferRequest(BTC_WISH, alphaPays());
const digest = intentDigest(request.intent);
/** Of one bitcoin: 100 000 dollars, so that 60 000 sat are 60 dollars. */
const PRICE = '100000000000';
const codeOf = (attestations: readonly Attestation[], by = firm): string => {
  const decision = decideTransfer(by.state, { ...request, attestations: [...attestations] }, instant(), NO_HISTORY);
  return decision.ok ? 'accepted' : decision.refusal.code;
};
const price = (about: object = {}, terms: object = {}, by = ticker) =>
  attestPrice(by, firm.firm, { asset: BTC, priceMicros: PRICE, ...about }, terms);
const travel = (about: object = {}, terms: object = {}) =>
  attestTravelRule(ticker, firm.firm, { intent: digest, status: 'ACCEPTED', ...about }, terms);

describe('an attestation', () => {
  it('is taken when it is fresh, about this transfer, and signed by an attestor of the charter', () => {
    expect([codeOf([]), codeOf([price()]), codeOf([travel()]), codeOf([price(), travel()])]).toEqual(
      new Array(4).fill('accepted'),
    );
  });

  it('refuses the request when it is not', () => {
    const other = 'ab'.repeat(32) as Digest;
    const mallory = makeMember('mallory', 'attestor');
    const cases: readonly (readonly [string, Attestation])[] = [
      ['attestation.stale', price({}, { at: instant(-301_000) })],
      ['attestation.stale', price({}, { expiresAt: instant(-1) })],
      ['attestation.stale', travel({}, { expiresAt: instant(-1) })],
      ['attestation.in-future', price({}, { at: instant(120_000), expiresAt: instant(900_000) })],
      ['attestation.mismatch', attestPrice(ticker, other, { asset: BTC, priceMicros: PRICE })],
      ['attestation.mismatch', price({ asset: ETH })],
      ['attestation.mismatch', price({ currency: 'EUR' })],
      ['attestation.mismatch', travel({ intent: other })],
      ['attestation.unknown-attestor', price({}, {}, mallory)],
      ['attestation.unknown-attestor', price({}, {}, omar)],
      ['attestation.unknown-attestor', price({}, { key: 'ticker-2' })],
      ['attestation.bad-signature', price({}, { attestor: 'ticker', key: 'ticker-1' }, mallory)],
    ];
    for (const [code, attestation] of cases) expect([code, codeOf([attestation])]).toEqual([code, code]);
    expect(codeOf([price(), price()])).toBe('attestation.mismatch');
  });

  it('binds every byte of what it says', () => {
    const { statement, signature } = price();
    const changed = [
      { ...statement, priceMicros: '100000000001' },
      { ...statement, expiresAt: instant(7_200_000) },
    ] as (typeof statement)[];
    for (const each of changed) expect(codeOf([{ statement: each, signature }])).toBe('attestation.bad-signature');
    const flipped = signature.value.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    expect(codeOf([{ statement, signature: { ...signature, value: flipped } }])).toBe('attestation.bad-signature');
    expect(codeOf([{ statement, signature: { ...signature, scheme: 'ed25519' } }])).toBe('attestation.bad-signature');
  });

  it('can be signed with Ed25519 as well', () => {
    const by = firmWith();
    const privateKeyPem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const key = { id: 'feed-1', scheme: 'ed25519' as const, publicKey: ed25519PublicKey(privateKeyPem) };
    const member = { id: 'feed', person: 'feed', name: 'feed', role: 'attestor' as const, keys: [key] };
    by.append({ kind: 'member.enrol', member });
    const { statement } = attestPrice(
      { ...member, privateKeyPem },
      by.firm,
      { asset: BTC, priceMicros: PRICE },
      { key: 'feed-1' },
    );
    const asked = by.transferRequest(BTC_WISH, alphaPays());
    const attestations = [signAttestation(statement, privateKeyPem)];
    expect(decideTransfer(by.state, { ...asked, attestations }, instant(), NO_HISTORY).ok).toBe(true);
  });

  it('becomes a fact that policies compare; without it a forbid that asks for it refuses', () => {
    const by = firmWith();
    by.append({ kind: 'member.enrol', member: publicPart(ticker) });
    const set = (condition: string) =>
      by.append({
        kind: 'policy.set',
        id: 'limit',
        text: `forbid ${SCOPE} when { ${condition} };`,
        owner: null,
        wallet: null,
      });
    const asked = by.transferRequest(BTC_WISH, alphaPays());
    const intent = intentDigest(asked.intent);
    const answer = (attestations: Attestation[]) => {
      const decision = decideTransfer(by.state, { ...asked, attestations }, instant(), NO_HISTORY);
      return decision.ok ? 'accepted' : { code: decision.refusal.code, facts: decision.refusal.facts };
    };
    const dollars = attestPrice(ticker, by.firm, { asset: BTC, priceMicros: PRICE });
    set('context has amountReference && context.amountReference > 5999');
    expect(answer([dollars])).toMatchObject({ code: 'policy.forbidden' });
    expect(answer([])).toEqual({
      code: 'policy.error',
      facts: { policy: 'limit', fact: 'context.amountReference' },
    });
    set('context has amountReference && context.amountReference > 6000');
    expect(answer([dollars])).toBe('accepted');
    set('context has travelRule && context.travelRule != TravelRule::"ACCEPTED"');
    expect(answer([])).toMatchObject({ facts: { fact: 'context.travelRule' } });
    expect(answer([attestTravelRule(ticker, by.firm, { intent, status: 'REJECTED' })])).toMatchObject({
      code: 'policy.forbidden',
    });
    expect(answer([attestTravelRule(ticker, by.firm, { intent, status: 'ACCEPTED' })])).toBe('accepted');
  });
});

describe('an amount in the reference currency', () => {
  it('is rounded up to its hundredth, and never below what it stands for', () => {
    expect(hundredths(60_000n, 8, BigInt(PRICE))).toBe(6_000);
    expect([hundredths(1n, 18, 1n), hundredths(0n, 8, 5n), hundredths(3n, 0, 1_500_000n)]).toEqual([1, 0, 450]);
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 90n }),
        fc.nat(24),
        fc.bigInt({ min: 0n, max: 10n ** 20n }),
        (...of) => {
          const [amount, decimals, micros] = of;
          const value = hundredths(amount, decimals, micros);
          if (value === Number.MAX_SAFE_INTEGER) return;
          // value / 100 >= amount / 10^decimals * micros / 10^6, and less than a hundredth more
          const scale = 10n ** BigInt(decimals) * 10_000n;
          const excess = BigInt(value) * scale - amount * micros;
          expect(excess >= 0n && excess < scale).toBe(true);
        },
      ),
    );
  });
});
