import type { Quorum } from '@bulkhead/approval';
import type { Act, GenesisAct, Policy } from '@bulkhead/charter';
import { instant } from '../../../../test/support/charter-builder.js';
import { makeMember, publicPart } from '../../../../test/support/members.js';
import { firmWith } from '../../../../test/support/usual-transfers.js';
import { checkActPolicies, checkDraft, checkEntryPolicies } from '../index.js';

const OWN = 'context.purpose == Purpose::"PAYMENT" && context.destination.owner == resource.owner';
const permit = (id: string, quorum: string, condition: string, owner: string | null = null): Policy => ({
  id,
  text: `@quorum("${quorum}") permit (principal, action == Action::"transfer", resource) when { ${condition} };`,
  owner,
  wallet: null,
});
const LARGE = permit('large', 'asset.list', `${OWN} && context.amountMillionths >= 500`);
const set = (policy: Policy): Act => ({ kind: 'policy.set', ...policy });
const by = (initiator: string, ...groups: readonly string[]): Quorum => ({
  initiators: [initiator],
  anyOf: [groups.map((group) => ({ group, threshold: 1 }))],
});
const COMPLIANCE_STARTS: Act = { kind: 'quorum.set', governed: 'asset.list', quorum: by('compliance', 'operator') };
const board = (...members: string[]): Act => ({ kind: 'group.set', group: { id: 'board', members } });

type Firm = ReturnType<typeof firmWith>;
function firmOf(acts: readonly Act[], genesis: Partial<GenesisAct> = {}): Firm {
  const firm = firmWith(genesis);
  for (const act of acts) firm.append(act);
  return firm;
}
function codeOf(firm: Firm, act: Act): string {
  const checked = checkEntryPolicies(firm.state, firm.entry(act));
  const proposed = checkActPolicies(firm.state, act, instant());
  expect(proposed.ok).toBe(checked.ok);
  return checked.ok ? 'accepted' : `${checked.refusal.code} ${checked.refusal.facts['claim']}`;
}
const UNREACHABLE = 'policy.counter-example reachable-quorum';

describe('an entry that changes members, groups or quorums', () => {
  it('is refused where it leaves what a policy names and the purpose’s quorum without a common initiator', () => {
    const firm = firmOf([set(LARGE)]);
    expect(codeOf(firm, COMPLIANCE_STARTS)).toBe(UNREACHABLE);
    const refusal = checkActPolicies(firm.state, COMPLIANCE_STARTS, instant());
    const { policies, transfer = '' } = refusal.ok ? {} : refusal.refusal.facts;
    expect(policies).toBe('large, payment');
    expect((JSON.parse(transfer) as { amountMillionths: number }).amountMillionths).toBeGreaterThanOrEqual(500);
    // without a policy that names it, it is a quorum like any other
    expect(codeOf(firmOf([]), COMPLIANCE_STARTS)).toBe('accepted');
    const forbidden = `forbid (principal, action, resource) when { context.amountMillionths >= 500 };`;
    const shut = firmOf([set(LARGE), set({ ...LARGE, id: 'shut', text: forbidden })]);
    expect(codeOf(shut, COMPLIANCE_STARTS)).toBe('accepted');
  });

  it('is refused where one person would have to fill two places', () => {
    const acts = [board('carla', 'erika'), set(LARGE)];
    const firm = firmOf([
      ...acts,
      { kind: 'quorum.set', governed: 'asset.list', quorum: by('operator', 'board', 'operator') },
    ]);
    expect(codeOf(firm, board('carla'))).toBe(UNREACHABLE);
    expect(codeOf(firm, board('erika', 'oskar'))).toBe('accepted');
  });

  it('is refused where what expires would be needed, as with every quorum', () => {
    const quorum = by('operator', 'board', 'operator');
    const firm = firmOf([
      { kind: 'member.enrol', member: publicPart(makeMember('paula', 'compliance')) },
      board('carla', 'paula'),
      { kind: 'quorum.set', governed: 'asset.list', quorum },
      set(LARGE),
    ]);
    const renew = (expiresAt: string | null): Act => ({ kind: 'member.renew', member: 'paula', expiresAt });
    expect([codeOf(firm, renew(instant(3_600_000))), codeOf(firm, renew(null))]).toEqual([UNREACHABLE, 'accepted']);
    expect(codeOf(firm, { kind: 'member.revoke', member: 'paula' })).toBe(UNREACHABLE);
  });

  it('is refused where a policy would be left below the quorum of its purpose', () => {
    const tighter: Act = {
      kind: 'quorum.set',
      governed: 'transfer.PAYMENT',
      quorum: {
        initiators: ['operator'],
        anyOf: [
          [
            { group: 'operator', threshold: 2 },
            { group: 'compliance', threshold: 1 },
          ],
        ],
      },
    };
    const firm = firmOf([set(LARGE), { kind: 'policy.remove', id: 'payment' }]);
    expect(codeOf(firm, tighter)).toBe('policy.counter-example floor-quorum');
    firm.append({ ...tighter, governed: 'asset.list' });
    expect(codeOf(firm, tighter)).toBe('accepted');
  });

  it('is looked into where it waits, is enacted, or is brought by break-glass', () => {
    const firm = firmOf([], { rules: { delaySeconds: { 'quorum.loosen': 60 } } });
    const { intent } = firm.append(COMPLIANCE_STARTS);
    const enact: Act = { kind: 'pending.enact', intent: intent.id };
    expect(codeOf(firm, enact)).toBe('accepted');
    firm.append(set(LARGE));
    expect([codeOf(firm, enact), codeOf(firm, COMPLIANCE_STARTS)]).toEqual([UNREACHABLE, UNREACHABLE]);
    expect(codeOf(firm, { kind: 'break-glass', act: COMPLIANCE_STARTS, reason: 'drill' })).toBe(UNREACHABLE);
    expect(codeOf(firm, { kind: 'pending.veto', intent: intent.id })).toBe('accepted');
  });

  it('is not held to what was amiss before, and can mend it', () => {
    const firm = firmOf([set(LARGE), COMPLIANCE_STARTS]);
    const member = publicPart(makeMember('petra', 'operator'));
    expect(codeOf(firm, { kind: 'member.enrol', member })).toBe('accepted');
    const mended: Act = {
      kind: 'quorum.set',
      governed: 'asset.list',
      quorum: by('operator', 'operator', 'compliance'),
    };
    expect(codeOf(firm, mended)).toBe('accepted');
  });

  it('is refused as not proven where a policy that no combinations cover might need it', () => {
    const opaque = permit('opaque', 'asset.list', `${OWN} && context.amountMillionths + context.feeMillionths < 9`);
    const born = firmWith({ policies: [{ id: 'opaque', text: opaque.text }] });
    expect(codeOf(born, COMPLIANCE_STARTS)).toBe('policy.not-proven undefined');
    expect(codeOf(born, { ...COMPLIANCE_STARTS, governed: 'client.open' })).toBe('accepted');
  });
});

describe('a permit for everybody that is added', () => {
  const panel: Act = { kind: 'group.set', group: { id: 'panel', members: ['erika'] } };
  const three = (governed: 'asset.list' | 'house.open', group: string): Act => ({
    kind: 'quorum.set',
    governed,
    quorum: by('operator', 'operator', 'compliance', group),
  });
  const start = (...acts: readonly Act[]) =>
    firmOf([board('erika'), panel, three('asset.list', 'board'), three('house.open', 'panel'), ...acts]);
  const own = permit('own', 'asset.list', `${OWN} && context.symbol == "ETH"`, 'alpha');
  const codeOfDraft = (firm: Firm, policy: Policy): string => {
    const checked = checkDraft(firm.state, { kind: 'policy.set', ...policy }, instant());
    return checked.ok ? 'accepted' : `${checked.refusal.code} ${checked.refusal.facts['policies']}`;
  };

  it('is tried with the permits of a client where nobody could meet the quorums of both', () => {
    const firm = start(set(own));
    const wide = (condition: string) => permit('wide', 'house.open', `${OWN} && ${condition}`);
    expect(codeOfDraft(firm, wide('context.amountMillionths > 9'))).toBe('policy.counter-example own, payment, wide');
    // they never match at once, or there is nobody who has the other one
    expect(codeOfDraft(firm, wide('context.symbol == "BTC"'))).toBe('accepted');
    expect(codeOfDraft(start(), wide('context.amountMillionths > 9'))).toBe('accepted');
  });

  it('is tried with what another policy for everybody says of one wallet', () => {
    const firm = start(set(permit('named', 'asset.list', `${OWN} && resource == Wallet::"alpha-btc"`)));
    expect(codeOfDraft(firm, permit('wide', 'house.open', OWN))).toBe('policy.counter-example named, payment, wide');
  });
});
