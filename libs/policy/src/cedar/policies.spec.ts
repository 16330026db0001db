import { matchPolicies, type PolicyRequest } from '@bulkhead/cedar';
import type { CharterState } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import fc from 'fast-check';
import type { CharterBuilder, TransferOptions } from '../../../../test/support/charter-builder.js';
import { alphaPays, BTC_WISH, ETH, ETH_WISH, firmWith, safePays } from '../../../../test/support/usual-transfers.js';
import {
  decideTransfer,
  NO_EVIDENCE,
  NO_HISTORY,
  velocityBy,
  type History,
  policiesInForce,
  policyRequest,
  sliceOf,
  type CheckedTransfer,
} from '../index.js';
import { millionths } from './facts.js';

const AT = '2026-03-02T09:30:00.000Z'; // a Monday
const SCOPE = '(principal, action == Action::"transfer", resource)';
const permitWhen = (condition: string, quorum = 'transfer.PAYMENT'): string =>
  `@quorum("${quorum}") permit ${SCOPE} when { ${condition} };`;
const forbidWhen = (condition: string): string => `forbid ${SCOPE} when { ${condition} };`;

const firmOf = (...texts: string[]): CharterBuilder =>
  firmWith({ policies: texts.map((text, position) => ({ id: `p${position}`, text })) });
function decisionOf(firm: CharterBuilder, options: TransferOptions = {}, at = new Date().toISOString()) {
  return decideTransfer(firm.state, firm.transferRequest(BTC_WISH, alphaPays(), options), at, NO_HISTORY);
}
function codeOf(firm: CharterBuilder, options: TransferOptions = {}): string {
  const decision = decisionOf(firm, options);
  return decision.ok ? 'accepted' : decision.refusal.code;
}
const factsOf = (decision: ReturnType<typeof decisionOf>): object => (decision.ok ? {} : decision.refusal.facts);

describe('policies', () => {
  it('deny what none of them permits', () => {
    expect(codeOf(firmOf())).toBe('policy.denied');
    expect(codeOf(firmOf(permitWhen('context.symbol == "ETH"')))).toBe('policy.denied');
    expect(codeOf(firmOf(permitWhen('context.symbol == "BTC"')))).toBe('accepted');
  });

  it('forbid, whatever is permitted besides, and say which of them did', () => {
    const firm = firmOf(permitWhen('true'), forbidWhen('context.amountMillionths > 500'));
    expect(codeOf(firm)).toBe('policy.forbidden');
    expect(factsOf(decisionOf(firm))).toEqual({ policies: 'p1' });
    expect(codeOf(firmOf(permitWhen('true'), forbidWhen('context.amountMillionths > 600')))).toBe('accepted');
  });

  it('ask for every quorum that a matching permit names, besides the one of the purpose', () => {
    const [operators, compliance] = ['operator', 'compliance'].map((role) => ({
      initiators: ['operator'],
      anyOf: [[{ group: role, threshold: 1 }]],
    }));
    const policies = [
      { id: 'all', text: permitWhen('true') },
      { id: 'large', text: permitWhen('context.amountMillionths > 500', 'destination.approve') },
    ];
    const quorums = { 'transfer.PAYMENT': operators!, 'destination.approve': compliance! };
    const usual = firmWith().state.genesis.quorums;
    const firm = firmWith({
      quorums: { ...usual, ...quorums, 'destination.approve': usual['destination.approve']! },
      policies,
    });
    const { omar, carla } = firm.members;
    expect(codeOf(firm, { approvers: [omar] })).toBe('approval.quorum-not-met');
    expect(codeOf(firm, { approvers: [omar, carla] })).toBe('accepted');
  });

  it('of a client speak of that client’s transfers only, and of a wallet of that wallet’s', () => {
    const firm = firmWith();
    const text = forbidWhen('true');
    const of = (id: string, owner: string, wallet: string | null) =>
      firm.append({ kind: 'policy.set', id, text, owner, wallet });
    of('beta-stop', 'beta', null);
    of('alpha-safe-stop', 'alpha', 'alpha-safe');
    expect(codeOf(firm)).toBe('accepted');
    const ether = decideTransfer(
      firm.state,
      firm.transferRequest(ETH_WISH, safePays(ETH_WISH.to)),
      new Date().toISOString(),
      NO_HISTORY,
    );
    expect(factsOf(ether as never)).toEqual({ policies: 'alpha-safe-stop' });
    of('alpha-stop', 'alpha', null);
    expect(factsOf(decisionOf(firm))).toEqual({ policies: 'alpha-stop' });
    firm.append({ kind: 'policy.remove', id: 'alpha-stop' });
    expect(codeOf(firm)).toBe('accepted');
  });

  it('see the transfer’s facts as they are', () => {
    const facts: readonly string[] = [
      'principal in Role::"operator"',
      'principal == Member::"olivia"',
      'resource == Wallet::"alpha-btc" && resource.owner == Owner::"alpha" && resource.estate == Estate::"CLIENT"',
      'resource.owner.estate == Estate::"CLIENT"',
      'context.purpose == Purpose::"PAYMENT" && context.symbol == "BTC"',
      'context.amountMillionths == 600 && context.amountExact == "60000"',
      'context.feeMillionths == 10 && context.feeRateSatVb > 0',
      'context has feePayer && context.feePayer == Owner::"alpha"',
      'context.inputOwners == [Owner::"alpha"] && context.changeOwners == [Owner::"alpha"]',
      'context.outputOwners == [Owner::"alpha"] && context.outputEstates == [Estate::"CLIENT"]',
      'context.inputEstates == [Estate::"CLIENT"] && context.changeEstates == [Estate::"CLIENT"]',
      'context has feePayer && context.feePayer.estate == Estate::"CLIENT"',
      'context.destination.class == DestinationClass::"DESTINATION" && context.destination.owner == Owner::"alpha"',
      'context.destination has ageSeconds && context.destination.ageSeconds >= 0 && context.destination.ageSeconds < 600',
      'context.call.contract == "" && context.call.selector == "" && context.call.arguments.isEmpty()',
      'context.charterSequence > 0 && context.chain like "bip122:*"',
      'context.velocity.wallet.hour == {amountMillionths: 600, count: 1}',
      'context.velocity.initiator.month.amountMillionths == 600 && context.velocity.destination.week.count == 1',
      'context.destination.coolingOver && !context.destination.looksLikeKnown && !context.destination.testPaid',
      'context.destination has category && context.destination.category == Category::"SELF_HOSTED"',
      'context.destination has ownership && context.destination.ownership == Ownership::"NONE"',
      '!(context has amountReference) && !(context has travelRule) && !(context has isBusinessDay)',
    ];
    for (const fact of facts) expect([fact, codeOf(firmOf(permitWhen(fact)))]).toEqual([fact, 'accepted']);
  });
});

describe('what was paid before', () => {
  const paid = velocityBy((subject, window) => ({
    amount: subject === 'client' ? 1_000_001n : 0n,
    count: subject === 'client' && window === 'day' ? 4 : 0,
  }));
  const answer = (condition: string, history: History): string => {
    const firm = firmOf(permitWhen('true'), forbidWhen(condition));
    const request = firm.transferRequest(BTC_WISH, alphaPays());
    const decision = decideTransfer(firm.state, request, new Date().toISOString(), history);
    return decision.ok ? 'accepted' : decision.refusal.code;
  };

  it('is told with this transfer counted, its amounts rounded up', () => {
    const history = { velocity: paid, testPaid: true };
    // 1 000 001 + 60 000 sat are 10 600.01 millionths
    for (const [over, code] of [
      ['context.velocity.client.day.amountMillionths > 10600', 'policy.forbidden'],
      ['context.velocity.client.day.amountMillionths > 10601', 'accepted'],
      ['context.velocity.client.day.count > 4', 'policy.forbidden'],
      ['context.velocity.client.day.count > 5', 'accepted'],
      ['context.velocity.wallet.day.amountMillionths > 600', 'accepted'],
      ['!context.destination.testPaid', 'accepted'],
    ] as const)
      expect([over, answer(over, history)]).toEqual([over, code]);
    expect(answer('!context.destination.testPaid', NO_HISTORY)).toBe('policy.forbidden');
  });
});

describe('groups and the calendar', () => {
  it('are facts when the charter has them; a forbid that asks for a calendar that is not there refuses', () => {
    const firm = firmOf(permitWhen('principal in Group::"treasury"'));
    expect(codeOf(firm)).toBe('policy.denied');
    firm.append({ kind: 'group.set', group: { id: 'treasury', members: ['olivia'] } });
    expect(codeOf(firm)).toBe('accepted');
    const closed = 'context has isBusinessHour && !context.isBusinessHour';
    firm.append({ kind: 'policy.set', id: 'hours', text: forbidWhen(closed), owner: null, wallet: null });
    expect([codeOf(firm), factsOf(decisionOf(firm))]).toEqual([
      'policy.error',
      { policy: 'hours', fact: 'context.isBusinessHour' },
    ]);
    const always = {
      timeZone: 'UTC',
      workdays: ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'] as const,
      openMinute: 0,
      closeMinute: 1_440,
      holidays: [],
    };
    const set = (changes: object) =>
      firm.append({ kind: 'calendar.set', calendar: { ...always, workdays: [...always.workdays], ...changes } });
    set({});
    expect(codeOf(firm)).toBe('accepted');
    const today = new Date().toISOString().slice(0, 10);
    set({ holidays: [today] });
    expect(codeOf(firm)).toBe('policy.forbidden');
  });
});

describe('a policy that errs', () => {
  /** Type-correct, and beyond 64 bits when evaluated. */
  const overflow = 'context.amountMillionths * 9007199254740991 * 9007199254740991 > 0';

  it('is a no that names it, be it a forbid that Cedar would have skipped', () => {
    for (const text of [forbidWhen(overflow), permitWhen(overflow)]) {
      const firm = firmOf(permitWhen('true'), text);
      expect(codeOf(firm)).toBe('policy.error');
      expect(factsOf(decisionOf(firm))).toMatchObject({ policy: 'p1' });
    }
  });

  const checked = ((): { state: CharterState; request: PolicyRequest } => {
    const firm = firmWith();
    const decision = orThrow(decisionOf(firm)) satisfies CheckedTransfer;
    return { state: firm.state, request: orThrow(policyRequest(firm.state, decision, AT, NO_EVIDENCE)) };
  })();

  it('is what a missing, unknown or mistyped fact makes of all of them', () => {
    const { state, request } = checked;
    const inForce = policiesInForce(state.policies, 'alpha', 'alpha-btc');
    expect(matchPolicies(inForce, request)).toMatchObject({ ok: true });
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(request.context)),
        fc.constantFrom(undefined, 1.5, 2 ** 63, null),
        (fact, value) => {
          fc.pre(!(fact === 'feePayer' && value === undefined)); // the one fact that may be missing
          const others = Object.fromEntries(Object.entries(request.context).filter(([name]) => name !== fact));
          const context = value === undefined ? others : { ...others, [fact]: value };
          expect(matchPolicies(inForce, { ...request, context })).toMatchObject({ refusal: { code: 'policy.error' } });
        },
      ),
    );
    const unknown = { ...request, context: { ...request.context, colour: 'red' } };
    expect(matchPolicies(inForce, unknown)).toMatchObject({ refusal: { code: 'policy.error' } });
  });

  it('is a no for any set of policies that holds one, whatever the others say', () => {
    const { request } = checked;
    const id = fc.stringMatching(/^[a-z]{1,5}$/);
    const text = fc.constantFrom(
      permitWhen('true'),
      permitWhen(overflow),
      forbidWhen(overflow),
      forbidWhen('false || context.chain == "x"'),
    );
    fc.assert(
      fc.property(fc.dictionary(id, text, { maxKeys: 6 }), (texts) => {
        const policies = Object.entries(texts).map(([name, body]) => ({
          id: name,
          text: body,
          owner: null,
          wallet: null,
        }));
        const answer = matchPolicies(sliceOf(policies), request);
        expect(answer.ok).toBe(!Object.values(texts).some((body) => body.includes(overflow)));
      }),
      { numRuns: 60 },
    );
  });
});

describe('an amount in millionths', () => {
  it('is rounded up, exact below 2^53 - 1, and never below what it stands for', () => {
    expect([millionths(1n, 18), millionths(60_000n, 8), millionths(0n, 8), millionths(7n, 0)]).toEqual([
      1, 600, 0, 7_000_000,
    ]);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), fc.nat(36), (amount, decimals) => {
        const value = millionths(amount, decimals);
        expect(Number.isSafeInteger(value)).toBe(true);
        const exact = BigInt(value) * 10n ** BigInt(decimals);
        const wanted = amount * 1_000_000n;
        if (value < Number.MAX_SAFE_INTEGER) {
          expect(exact >= wanted && exact - wanted < 10n ** BigInt(decimals)).toBe(true);
        } else expect(wanted > exact - 10n ** BigInt(decimals)).toBe(true);
      }),
    );
  });

  it('of ether stays within what Cedar can count', () => {
    const firm = firmOf(permitWhen('context.amountMillionths < 2'));
    const request = firm.transferRequest(ETH_WISH, safePays(ETH_WISH.to, ETH));
    expect(decideTransfer(firm.state, request, new Date().toISOString(), NO_HISTORY).ok).toBe(true);
  });
});
