import type { Act, Policy } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import { instant } from '../../../../test/support/charter-builder.js';
import { alphaPays, BTC_WISH, firmWith } from '../../../../test/support/usual-transfers.js';
import {
  backTest,
  checkDraft,
  checkEntryPolicies,
  diffLines,
  explainTransfer,
  NO_HISTORY,
  prove,
  proveDraft,
  velocityBy,
  type PastTransfer,
} from '../index.js';

const SCOPE = '(principal, action == Action::"transfer", resource)';
const firm = firmWith();
const draft = (text: string, owner: string | null = null): Policy & { kind: 'policy.set' } => ({
  kind: 'policy.set',
  id: 'draft',
  text,
  owner,
  wallet: null,
});
const permit = (condition: string, quorum = 'transfer.PAYMENT', owner: string | null = null) =>
  draft(`@quorum("${quorum}") permit ${SCOPE} when { ${condition} };`, owner);
const forbid = (condition: string, owner: string | null = null) =>
  draft(`forbid ${SCOPE} when { ${condition} };`, owner);
const claimsOf = (act: ReturnType<typeof permit>, by = firm) =>
  orThrow(proveDraft(by.state, act, instant())).counterExamples.map(({ claim }) => claim);
const OWN = 'context.purpose == Purpose::"PAYMENT" && context.destination.owner == resource.owner';

describe('the proof', () => {
  it('holds for the first policies, over every combination', () => {
    const proof = prove(firm.state, { owner: null, wallet: null });
    expect(proof).toMatchObject({ proven: true, notCovered: [], counterExamples: [] });
    expect(proof.combinations).toBeGreaterThan(20);
  });

  it('finds what would let a client pay the house or another client, and shows a transfer that does', () => {
    expect(claimsOf(permit('context.amountMillionths < 100'))).toContain('walls');
    expect(claimsOf(permit('context.destination.owner == Owner::"beta"', 'transfer.PAYMENT', 'alpha'))).toContain(
      'walls',
    );
    // only where the amount is exactly this one
    const hidden = permit('context.amountMillionths == 123456789 && context.symbol == "ETH"');
    const refusal = checkDraft(firm.state, hidden, instant());
    expect(refusal).toMatchObject({ ok: false, refusal: { code: 'policy.counter-example' } });
    const shown = refusal.ok ? '' : refusal.refusal.facts['transfer'];
    expect(JSON.parse(shown ?? '')).toMatchObject({ amountMillionths: 123456789, symbol: 'ETH' });
  });

  it('tries every set of owners and estates that the invariants leave to inputs, outputs and change', () => {
    const paid = (condition: string) => claimsOf(permit(`context.purpose == Purpose::"PAYMENT" && ${condition}`));
    expect(paid('context.outputOwners == [resource.owner]')).toEqual([]);
    expect(paid('[resource.owner].containsAll(context.outputOwners)')).toEqual([]);
    expect(paid('[resource.estate] == context.outputEstates && context.destination.owner == resource.owner')).toEqual(
      [],
    );
    // of the client's estate are other clients, too; the house is told apart from them only
    expect(paid('context.outputEstates == [Estate::"CLIENT"]')).toContain('walls');
    expect(paid('context.outputEstates.containsAll([Estate::"CLIENT", Estate::"HOUSE"])')).toContain('walls');
    expect(paid('context.changeEstates.isEmpty() && context.outputOwners != [resource.owner]')).toContain('walls');
    expect(paid('context.inputEstates == [Estate::"HOUSE"] && !context.changeEstates.isEmpty()')).toContain('walls');
    // no coins of two estates, none of nobody, and no change of another's
    for (const never of [
      'context.inputEstates.containsAll([Estate::"CLIENT", Estate::"HOUSE"])',
      'context.inputEstates.isEmpty()',
      'context.outputOwners.isEmpty()',
      'context.changeEstates.containsAny([Estate::"SUSPENSE"])',
    ])
      expect([never, paid(never)]).toEqual([never, []]);
  });

  it('tries a call that no policy names: not to call nothing is to call anything', () => {
    expect(claimsOf(permit('context.call.contract != ""'))).toContain('walls');
  });

  it('finds a quorum that asks for less than that of the purpose, and one that nobody can meet', () => {
    expect(claimsOf(permit(OWN))).toEqual([]);
    const weak = firmWith();
    const two = { initiators: ['operator' as const], anyOf: [[{ group: 'operator' as const, threshold: 2 }]] };
    weak.append({ kind: 'quorum.set', governed: 'asset.list', quorum: two });
    expect(claimsOf(permit(OWN, 'asset.list', 'house'), weak)).toEqual([]); // the first policy permits it as well
    weak.append({ kind: 'policy.remove', id: 'payment' });
    expect(claimsOf(permit(OWN, 'asset.list'), weak)).toContain('floor-quorum');
    const three = {
      ...two,
      initiators: ['compliance' as const],
      anyOf: [[{ group: 'operator' as const, threshold: 3 }]],
    };
    const unmet = firmWith();
    unmet.append({ kind: 'quorum.set', governed: 'asset.list', quorum: three });
    expect(claimsOf(permit(OWN, 'asset.list'), unmet)).toContain('reachable-quorum');
  });

  it('finds a policy that errs somewhere, and says when it has not covered everything', () => {
    const overflowing = forbid('context.amountMillionths * 9007199254740991 > 5');
    const proof = orThrow(proveDraft(firm.state, overflowing, instant()));
    expect(proof.counterExamples.map(({ claim }) => claim)).toContain('no-error');
    expect(proof.proven).toBe(false);
    expect(proof.withoutForbids).toEqual(['draft']);
  });

  it('covers the removal of a forbid, too', () => {
    const guarded = firmWith();
    guarded.append({ ...forbid('context.destination.class == DestinationClass::"MANAGED_HOUSE"'), id: 'wall' });
    const wide = permit('context.destination.class == DestinationClass::"MANAGED_HOUSE"');
    expect(claimsOf(wide, guarded)).toEqual([]);
    guarded.append({ ...wide, id: 'wide' });
    expect(checkDraft(guarded.state, { kind: 'policy.remove', id: 'wall' }, instant()).ok).toBe(false);
  });
});

describe('an entry about policies', () => {
  const codeOf = (act: Act, by = firm): string => {
    const checked = checkEntryPolicies(by.state, by.entry(act));
    return checked.ok ? 'accepted' : checked.refusal.code;
  };
  const hole = permit('context.amountMillionths == 77');
  /** Within the walls, and beyond what combinations cover. */
  const opaque = permit(`${OWN} && context.amountMillionths + context.feeMillionths < 9`);

  it.each([
    ['a number that is computed', 'context.amountMillionths == 4320 + 1'],
    ['a number out of a list that is computed', '[4320 + 1].contains(context.amountMillionths)'],
    ['a text that is computed', 'context.symbol == (if true then "ETH" else "x")'],
    ['a negation', 'context.destination has ageSeconds || context.amountMillionths != -(5)'],
    ['two patterns of one fact', 'context.symbol like "T*" && !(context.symbol like "*T")'],
    ['patterns of the two names of one fact', 'context.chain like "a*" && resource.chain like "*b"'],
    ['a pattern, the empty text set apart', 'context.symbol like "E*" || context.symbol != ""'],
    ['an owner who is not there yet', 'resource.owner == Owner::"later"'],
    ['a wallet that is not there yet', 'resource == Wallet::"later"'],
    ['the text that stands for all others', 'context.symbol != "(any other)"'],
    ['the member who stands for all others', 'principal != Member::"(any other)"'],
  ])('is refused as not proven or with a counter-example where it has %s', (_name, condition) => {
    // within the walls, so that nothing but what is not covered speaks against it
    expect(codeOf(permit(`${OWN} && (${condition})`))).toBe('policy.not-proven');
    expect(['policy.not-proven', 'policy.counter-example']).toContain(codeOf(permit(condition)));
    expect(codeOf(forbid(condition))).toBe('accepted');
  });

  it.each([
    ['a pattern and what it must not equal', 'context.symbol like "E*" && context.symbol != "E"'],
    ['a pattern of anything', 'context.symbol like "*" && context.symbol != "x"'],
    ['a pattern without a wildcard', 'context.symbol like "ETH"'],
    ['a gas payer by its owner', 'context has feePayer && context.feePayer == Owner::"house"'],
    ['a role that is not usual', 'principal in Role::"engineer"'],
    ['a destination of tomorrow', 'context.destination.looksLikeKnown || context.symbol != "any-other"'],
    ['everybody but one', 'resource.owner != Owner::"alpha" && context.destination.owner != Owner::"house"'],
  ])('is refused with the transfer that %s lets through', (_name, condition) => {
    expect(codeOf(permit(condition))).toBe('policy.counter-example');
    expect(codeOf(permit(`${OWN} && (${condition})`))).toBe('accepted');
  });

  it('is refused with a counter-example and without its proof, unless it only adds a forbid', () => {
    expect([codeOf(permit(OWN)), codeOf(hole), codeOf(opaque)]).toEqual([
      'accepted',
      'policy.counter-example',
      'policy.not-proven',
    ]);
    const computed = forbid('context.amountMillionths + context.feeMillionths > 9');
    expect(codeOf(computed)).toBe('accepted');
    // a firm that was born with a hole can still forbid, and mend it; until then it permits nothing more
    const born = firmWith({ policies: [{ id: 'hole', text: hole.text }] });
    expect([codeOf(computed, born), codeOf(permit(OWN), born)]).toEqual(['accepted', 'policy.counter-example']);
    expect(codeOf({ kind: 'policy.remove', id: 'hole' }, born)).toBe('accepted');
  });

  it('may not put a forbid in the place of one that the proof rests on', () => {
    const guarded = firmWith();
    const wall = { ...forbid('context.destination.class != DestinationClass::"DESTINATION"'), id: 'wall' };
    guarded.append(wall);
    guarded.append({ ...permit('context.symbol == "ETH"'), id: 'ether' });
    const narrower = {
      ...wall,
      text: wall.text.replace('!= DestinationClass::"DESTINATION"', '== DestinationClass::"MANAGED_HOUSE"'),
    };
    expect(codeOf(narrower, guarded)).toBe('policy.counter-example');
  });

  it('is looked into where it waits, is brought by break-glass, or is about somebody else', () => {
    expect(codeOf({ kind: 'break-glass', act: hole, reason: 'drill' })).toBe('policy.counter-example');
    const waiting = firmWith({ rules: { delaySeconds: { 'policy.set': 60 } } });
    const { intent } = waiting.append(hole);
    expect(codeOf({ kind: 'pending.enact', intent: intent.id }, waiting)).toBe('policy.counter-example');
    expect(codeOf({ kind: 'pending.veto', intent: intent.id }, waiting)).toBe('accepted');
    expect(codeOf({ kind: 'client.open', owner: { id: 'gamma', name: 'Gamma' } })).toBe('accepted');
  });

  it('is proven in about the time of a blink for limits as people write them', () => {
    const limits = ['wallet.day', 'client.week', 'destination.month', 'initiator.hour'].map(
      (path) => `context.velocity.${path}.amountMillionths > 5000`,
    );
    const proof = orThrow(proveDraft(firm.state, forbid(limits.join(' || ')), instant()));
    expect(proof).toMatchObject({ proven: true, withoutForbids: [] });
    expect(proof.combinations).toBeLessThan(2_000);
  });
});

describe('the back-test', () => {
  const request = firm.transferRequest(BTC_WISH, alphaPays());
  const past = (at: string, history = NO_HISTORY): PastTransfer => ({ ...request, at, history });
  const test = (act: Act, ...transfers: PastTransfer[]) => orThrow(backTest(firm.state, act, transfers, instant()));

  it('lists each decision that a draft would have changed, and no other', () => {
    const spent = velocityBy(() => ({ amount: 1_000_000n, count: 1 })); // 10 000 millionths of a bitcoin
    const draftOfDay = forbid('context.velocity.wallet.day.amountMillionths > 10000');
    const { considered, changes } = test(
      draftOfDay,
      past(instant()),
      past(instant(), { velocity: spent, testPaid: false }),
    );
    expect(considered).toBe(2);
    expect(changes).toEqual([
      {
        transfer: request.intent.id,
        at: expect.any(String),
        owner: 'alpha',
        wallet: 'alpha-btc',
        asset: request.intent.asset,
        amount: '60000',
        to: request.intent.to,
        before: { decision: 'PERMIT', policies: ['payment'], quorums: ['transfer.PAYMENT'] },
        after: { decision: 'DENY', code: 'policy.forbidden', facts: { policies: 'draft' } },
      },
    ]);
  });

  it('tells a larger quorum from the same one, and what no policy was asked about', () => {
    const more = permit(OWN, 'destination.approve');
    expect(test(more, past(instant())).changes).toMatchObject([
      { after: { policies: ['draft', 'payment'], quorums: ['destination.approve', 'transfer.PAYMENT'] } },
    ]);
    expect(test(permit(OWN), past(instant())).changes).toMatchObject([{ after: { quorums: ['transfer.PAYMENT'] } }]);
    const expired = past(instant(4 * 3_600_000));
    // a no for another reason is the same decision
    const stopped = firmWith();
    stopped.append({ ...forbid('context.symbol == "BTC"'), id: 'stop' });
    const denied = { ...stopped.transferRequest(BTC_WISH, alphaPays()), at: instant(), history: NO_HISTORY };
    expect(backTest(stopped.state, forbid('true'), [denied], instant())).toMatchObject({
      value: { considered: 1, changes: [] },
    });
    expect(test(forbid('true'), expired)).toEqual({ considered: 0, notAsked: 1, changes: [] });
    expect(test({ kind: 'policy.remove', id: 'payment' }, past(instant())).changes).toMatchObject([
      { after: { decision: 'DENY', code: 'policy.denied' } },
    ]);
  });
});

describe('the explanation of a transfer', () => {
  it('says which policies matched, on which facts, and what is missing', () => {
    const by = firmWith();
    by.append(forbid('context.symbol == "ETH"'));
    const { omar } = by.members;
    const request = by.transferRequest(BTC_WISH, alphaPays(), { approvers: [omar] });
    const explained = orThrow(explainTransfer(by.state, request, instant(), NO_HISTORY));
    const answers = Object.fromEntries(explained.policies.map(({ id, answer }) => [id, answer]));
    expect(answers).toMatchObject({ payment: 'MATCHES', draft: 'DOES_NOT_MATCH', restitution: 'DOES_NOT_MATCH' });
    expect(explained.quorums).toEqual(['transfer.PAYMENT']);
    expect(explained.missing).toMatchObject({ code: 'approval.quorum-not-met', facts: { missing: '1 compliance' } });
    expect(explained.facts.context).toMatchObject({ symbol: 'BTC', amountExact: '60000' });
    expect(explained.policies.find(({ id }) => id === 'restitution')?.reads).toEqual({
      'context.purpose': { __entity: { type: 'Purpose', id: 'PAYMENT' } },
      'resource.estate': { __entity: { type: 'Estate', id: 'CLIENT' } },
      'context.destination.class': { __entity: { type: 'DestinationClass', id: 'DESTINATION' } },
    });
    by.append({ ...forbid('context.symbol == "BTC"') });
    const stopped = orThrow(explainTransfer(by.state, request, instant(), NO_HISTORY));
    expect(stopped.missing).toMatchObject({ code: 'policy.forbidden', facts: { policies: 'draft' } });
    expect(stopped.policies).toContainEqual(expect.objectContaining({ id: 'draft', answer: 'MATCHES' }));
  });
});

describe('the difference of two texts', () => {
  it('keeps what is common, in order', () => {
    const signs = diffLines('a\nb\nc\n', 'a\nc\nd\n').map(({ sign, text }) => `${sign}${text}`);
    expect(signs).toEqual([' a', '-b', ' c', '+d']);
    expect(diffLines('', 'a\n')).toEqual([{ sign: '+', text: 'a' }]);
  });
});
