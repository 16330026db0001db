import { createHash, randomUUID } from 'node:crypto';
import type { Quorum } from '@bulkhead/approval';
import { REGTEST } from '@bulkhead/intent';
import { CharterBuilder, instant, type EntryOptions } from '../../../test/support/charter-builder.js';
import { makeMember, makeMembers, publicPart } from '../../../test/support/members.js';
import { bitcoinWallet, SIGNER_RECORDS, usualFirm } from '../../../test/support/wallets.js';
import { applyEntry, checkNotFrozen, delayOf, governedBy, USUAL_RULES, type Act, type GenesisAct } from './index.js';

const HOUR_S = 3_600;
const start = (genesis: Partial<GenesisAct> = {}): CharterBuilder => CharterBuilder.start(SIGNER_RECORDS, { genesis });
const tried = (firm: CharterBuilder, act: Act, options?: EntryOptions): string => {
  const result = applyEntry(firm.state, firm.entry(act, options));
  return result.ok ? 'accepted' : result.refusal.code;
};
const any = (...groups: [string, number][]): Quorum['anyOf'][number] =>
  groups.map(([group, threshold]) => ({ group, threshold }));
const operatorsStart = (...anyOf: Quorum['anyOf']): Quorum => ({ initiators: ['operator'], anyOf });
function after(seconds: number): EntryOptions {
  const [now, expiresAt] = [instant(seconds * 1000), instant((seconds + HOUR_S) * 1000)];
  return { enactedAt: now, statementsExpireAt: expiresAt, intent: { createdAt: now, expiresAt } };
}

describe('groups', () => {
  const group = { id: 'desk', members: ['omar', 'oskar'] };

  it('are made, given other members and asked by quorums; one that a quorum names stays', () => {
    const firm = start();
    firm.append({ kind: 'group.set', group });
    const quorum = operatorsStart(any(['desk', 1], ['compliance', 1]), any(['operator', 2], ['compliance', 1]));
    firm.append({ kind: 'quorum.set', governed: 'house.open', quorum });
    const { omar, oskar, carla, erika } = firm.members;
    const open: Act = { kind: 'house.open', owner: { id: 'house', name: 'House' } };
    expect(tried(firm, open, { approvers: [oskar, carla] })).toBe('accepted');
    expect(tried(firm, open, { approvers: [carla] })).toBe('approval.quorum-not-met');
    expect(tried(firm, open, { approvers: [omar, erika] })).toBe('approval.not-eligible');
    firm.append({ kind: 'group.set', group: { ...group, members: ['omar'] } });
    expect(tried(firm, { kind: 'group.remove', group: 'desk' })).toBe('charter.unknown-group');
    firm.append({ kind: 'quorum.set', governed: 'house.open', quorum: operatorsStart(any(['operator', 2])) });
    firm.append({ kind: 'group.remove', group: 'desk' });
    expect(firm.state.groups.size).toBe(0);
  });

  it('have known members who decide, and no name of a role', () => {
    const firm = start();
    const set = (id: string, members: string[]): string => tried(firm, { kind: 'group.set', group: { id, members } });
    expect(set('operator', ['omar'])).toBe('charter.id-taken');
    expect(set('desk', ['nobody'])).toBe('approval.unknown-member');
    firm.append({ kind: 'member.enrol', member: publicPart(makeMember('ticker', 'attestor')) });
    expect(set('desk', ['ticker'])).toBe('charter.duties-mixed');
  });

  it('cannot be emptied under a quorum, neither by another list nor by revoking who is in them', () => {
    const firm = start();
    firm.append({ kind: 'group.set', group });
    firm.append({
      kind: 'quorum.set',
      governed: 'house.open',
      quorum: operatorsStart(any(['desk', 1], ['compliance', 1])),
    });
    firm.append({ kind: 'group.set', group: { ...group, members: ['omar', 'oskar'] } });
    // when omar starts, nobody of the desk would remain
    expect(tried(firm, { kind: 'group.set', group: { ...group, members: ['omar'] } })).toBe(
      'charter.quorum-unreachable',
    );
  });

  it('are judged by what they loosen: an alternative that asks for less is looser, one that asks for more is not', () => {
    const firm = start();
    const before = operatorsStart(any(['operator', 1], ['compliance', 1]));
    firm.append({ kind: 'quorum.set', governed: 'house.open', quorum: before });
    const judged = (quorum: Quorum): string =>
      governedBy(firm.state, { kind: 'quorum.set', governed: 'house.open', quorum });
    expect(judged(operatorsStart(any(['operator', 1], ['compliance', 1]), any(['operator', 3])))).toBe('quorum.loosen');
    expect(judged(operatorsStart(any(['operator', 2], ['compliance', 1])))).toBe('quorum.tighten');
    expect(
      judged(
        operatorsStart(
          any(['operator', 2], ['compliance', 1]),
          any(['operator', 1], ['compliance', 1], ['engineer', 1]),
        ),
      ),
    ).toBe('quorum.tighten');
    expect(judged(operatorsStart(any(['compliance', 1])))).toBe('quorum.loosen');
  });
});

describe('rules', () => {
  const delaySeconds = { unfreeze: HOUR_S, 'rules.loosen': 10 };

  it('are tightened at once and loosened after the longest delay of all', () => {
    const firm = start({ rules: { delaySeconds } });
    const stricter = { ...firm.state.rules, delaySeconds: { ...delaySeconds, 'limits.raise': HOUR_S } };
    expect(governedBy(firm.state, { kind: 'rules.set', rules: stricter })).toBe('rules.loosen');
    firm.append({ kind: 'rules.set', rules: stricter });
    expect(firm.state.rules.delaySeconds['limits.raise']).toBe(HOUR_S);
    const looser: Act = { kind: 'rules.set', rules: USUAL_RULES };
    expect(governedBy(firm.state, looser as never)).toBe('rules.loosen');
    expect(delayOf(firm.state, looser as never)).toBe(HOUR_S);
    const { intent } = firm.append(looser);
    expect(firm.state.rules).toEqual(stricter);
    expect(tried(firm, { kind: 'pending.enact', intent: intent.id })).toBe('charter.delay-not-over');
    firm.append({ kind: 'pending.enact', intent: intent.id }, after(HOUR_S + 1));
    expect(firm.state.rules).toEqual(USUAL_RULES);
  });

  it('cannot be got round by an entry that says it was enacted long ago', () => {
    const firm = start({ rules: { delaySeconds } });
    firm.append({ kind: 'freeze', scope: { of: 'firm' }, reason: 'a drill' });
    const unfreeze: Act = { kind: 'unfreeze', scope: { of: 'firm' } };
    expect(tried(firm, unfreeze, { enactedAt: instant(-2 * HOUR_S * 1000) })).toBe('charter.enacted-in-past');
    // nor by an initiator who dates the intent back: the entries before it say when it could be at the earliest
    const backdated = { enactedAt: instant(-60_000), intent: { createdAt: instant(-60_000) } };
    expect(tried(firm, unfreeze, backdated)).toBe('charter.enacted-in-past');
  });

  it('keep floors of people and groups that every quorum must hold to', () => {
    const firm = start();
    const rules = (changes: Partial<typeof USUAL_RULES>): string =>
      tried(firm, { kind: 'rules.set', rules: { ...firm.state.rules, ...changes } });
    expect(rules({ fewestApprovers: 2 })).toBe('accepted');
    expect(rules({ fewestApprovers: 3 })).toBe('charter.below-floor');
    // policies are confirmed by operators alone
    expect(rules({ fewestGroups: 2 })).toBe('charter.below-floor');
  });
});

describe('memberships that expire', () => {
  it('are renewed by the quorum that enrols, and never hold up a quorum', () => {
    const firm = start();
    const petra = { ...makeMember('petra', 'operator'), expiresAt: instant(HOUR_S * 1000) };
    firm.append({ kind: 'member.enrol', member: { ...publicPart(petra), expiresAt: petra.expiresAt } });
    const open: Act = { kind: 'house.open', owner: { id: 'house', name: 'House' } };
    const byPetra: EntryOptions = { approvers: [petra, firm.members.carla] };
    expect(tried(firm, open, byPetra)).toBe('accepted');
    expect(tried(firm, open, { ...byPetra, ...after(2 * HOUR_S) })).toBe('approval.member-expired');
    const renewed: Act = { kind: 'member.renew', member: 'petra', expiresAt: null };
    expect(governedBy(firm.state, renewed)).toBe('member.enrol');
    firm.append(renewed);
    expect(tried(firm, open, { ...byPetra, ...after(2 * HOUR_S) })).toBe('accepted');
    const carlaExpires: Act = { kind: 'member.renew', member: 'carla', expiresAt: instant(HOUR_S * 1000) };
    expect(tried(firm, carlaExpires)).toBe('charter.quorum-unreachable');
  });
});

describe('the signer set', () => {
  const fresh = {
    id: 'signer-d',
    tlsFingerprint: createHash('sha256').update('signer-d').digest('hex'),
    tokenSerial: 'd0',
  };

  it('grows by engineers and shrinks, and neither id, certificate nor token ever comes back', () => {
    const firm = usualFirm();
    const { olivia, omar, carla } = firm.members;
    const enrol: Act = { kind: 'signer.enrol', signer: fresh };
    expect(tried(firm, enrol, { initiator: olivia, approvers: [omar, carla] })).toBe('approval.not-eligible');
    firm.append(enrol);
    expect(tried(firm, enrol)).toBe('charter.id-taken');
    expect(tried(firm, { kind: 'signer.enrol', signer: { ...fresh, id: 'signer-e' } })).toBe('charter.id-taken');
    const other = { ...fresh, id: 'signer-e', tlsFingerprint: '0e'.repeat(32) };
    expect(tried(firm, { kind: 'signer.enrol', signer: other })).toBe('charter.id-taken');
    firm.append({ kind: 'signer.retire', signer: 'signer-d' });
    expect(tried(firm, enrol)).toBe('charter.id-taken');
    const wallet = bitcoinWallet('late', 'alpha');
    const keys = [{ ...wallet.keys[0]!, signer: 'signer-d' }, ...wallet.keys.slice(1)];
    expect(tried(firm, { kind: 'wallet.open', wallet: { ...wallet, keys } })).toBe('charter.signer-retired');
  });

  it('holds no key while the charter does not say which token it is in', () => {
    const firm = usualFirm();
    const { id, tlsFingerprint } = fresh;
    firm.append({ kind: 'signer.enrol', signer: { id, tlsFingerprint } });
    const wallet = bitcoinWallet('late', 'alpha');
    const keys = [{ ...wallet.keys[0]!, signer: id }, ...wallet.keys.slice(1)];
    const open: Act = { kind: 'wallet.open', wallet: { ...wallet, keys } };
    expect(tried(firm, open)).toBe('charter.token-unknown');
    firm.append({ kind: 'signer.move-token', signer: id, tokenSerial: 'd0' });
    expect(tried(firm, open)).toBe('accepted');
  });

  it('keeps enough signers for every wallet', () => {
    const firm = usualFirm();
    // the house's gas payer has its one key there
    expect(tried(firm, { kind: 'signer.retire', signer: 'signer-a' })).toBe('charter.quorum-unreachable');
    firm.append({ kind: 'signer.retire', signer: 'signer-c' });
    expect(tried(firm, { kind: 'signer.retire', signer: 'signer-b' })).toBe('charter.quorum-unreachable');
    expect(tried(firm, { kind: 'signer.retire', signer: 'signer-c' })).toBe('charter.signer-retired');
    expect(tried(firm, { kind: 'signer.retire', signer: 'signer-x' })).toBe('charter.unknown-signer');
  });
});

describe('duties', () => {
  const refusedWith = (quorums: GenesisAct['quorums']) => (): unknown => start({ quorums });
  const mixed = 'charter.duties-mixed';

  it('are disjoint: engineers move no money, compliance alone approves no transfer, attestors decide nothing', () => {
    expect(refusedWith({ 'transfer.PAYMENT': operatorsStart(any(['operator', 1], ['engineer', 1])) })).toThrow(mixed);
    expect(refusedWith({ 'transfer.PAYMENT': { initiators: ['engineer'], anyOf: [any(['operator', 1])] } })).toThrow(
      mixed,
    );
    expect(refusedWith({ 'transfer.PAYMENT': operatorsStart(any(['compliance', 1])) })).toThrow(mixed);
    expect(refusedWith({ 'transfer.PAYMENT': operatorsStart(any(['operator', 1]), any(['compliance', 1])) })).toThrow(
      mixed,
    );
    expect(refusedWith({ 'signer.enrol': operatorsStart(any(['operator', 1], ['compliance', 1])) })).toThrow(mixed);
    const members = { ...makeMembers(), ticker: makeMember('ticker', 'attestor') };
    const asked = { freeze: operatorsStart(any(['attestor', 1])) };
    expect(() => CharterBuilder.start(SIGNER_RECORDS, { members, genesis: { quorums: asked } })).toThrow(mixed);
  });

  it('are not got round by a group that mixes them', () => {
    const groups = [{ id: 'mixed', members: ['omar', 'carla'] }];
    const quorums = { 'limits.raise': operatorsStart(any(['mixed', 1])) };
    expect(() => start({ groups, quorums })).toThrow(mixed);
  });

  it('keep spenders from raising what they may spend', () => {
    const firm = start();
    const { olivia, omar, oskar } = firm.members;
    const byOperators: EntryOptions = { initiator: olivia, approvers: [omar, oskar] };
    const { limits, rules } = firm.state;
    const acts: Act[] = [
      { kind: 'limits.set', limits: { ...limits, maxFeeSat: '99999999' } },
      { kind: 'rules.set', rules: { ...rules, priceMaxAgeSeconds: 80_000 } },
      { kind: 'group.set', group: { id: 'desk', members: ['omar'] } },
      { kind: 'quorum.set', governed: 'transfer.PAYMENT', quorum: operatorsStart(any(['operator', 1])) },
    ];
    for (const act of acts) expect(tried(firm, act, byOperators)).toBe('approval.quorum-not-met');
  });
});

describe('a frozen coin', () => {
  it('holds what would spend it, and nothing else', () => {
    const firm = usualFirm();
    const coin = `${'ab'.repeat(32)}:1`;
    const scope = { of: 'coin', chain: REGTEST, coin } as const;
    firm.append({ kind: 'freeze', scope, reason: 'under investigation' });
    const asked = (resources: string[]) =>
      checkNotFrozen(firm.state, { owner: 'alpha', wallet: 'alpha-btc', resources });
    expect(asked([`${REGTEST}/coin:${coin}`])).toMatchObject({ ok: false, refusal: { code: 'charter.frozen' } });
    expect(asked([`${REGTEST}/coin:${'ab'.repeat(32)}:0`]).ok).toBe(true);
    firm.append({ kind: 'unfreeze', scope });
    expect(asked([`${REGTEST}/coin:${coin}`]).ok).toBe(true);
    const elsewhere = { ...scope, chain: 'eip155:31337' } as const;
    expect(tried(firm, { kind: 'freeze', scope: elsewhere, reason: 'x' })).toBe('address.wrong-network');
  });
});

describe('break-glass', () => {
  const reason = 'The compliance officer’s device is lost.';
  const raise = (firm: CharterBuilder): Extract<Act, { kind: 'break-glass' }> => ({
    kind: 'break-glass',
    act: { kind: 'limits.set', limits: { ...firm.state.limits, maxFeeSat: '200000' } },
    reason,
  });

  it('takes more people than anything else, waits an hour at least, and can be vetoed', () => {
    const firm = start();
    const { omar, oskar, carla, erika } = firm.members;
    expect(tried(firm, raise(firm), { approvers: [omar, carla] })).toBe('approval.quorum-not-met');
    expect(delayOf(firm.state, raise(firm))).toBe(HOUR_S);
    const { intent } = firm.append(raise(firm));
    expect(firm.state.limits.maxFeeSat).toBe('100000');
    const enact: Act = { kind: 'pending.enact', intent: intent.id };
    expect(tried(firm, enact)).toBe('charter.delay-not-over');
    const late = after(HOUR_S + 1);
    // who was enough to put other things into force is not enough for this
    expect(tried(firm, enact, { ...late, approvers: [omar, carla] })).toBe('approval.quorum-not-met');
    expect(tried(firm, enact, { ...late, approvers: [omar, oskar, carla, erika] })).toBe('accepted');
    firm.append({ kind: 'pending.veto', intent: intent.id }, { approvers: [omar, carla] });
    expect(tried(firm, enact, late)).toBe('charter.nothing-pending');
  });

  it('brings nothing that its act could not bring: floors, duties and reachability hold', () => {
    const firm = start();
    const glass = (act: Extract<Act, { kind: 'break-glass' }>['act']): string =>
      tried(firm, { kind: 'break-glass', act, reason });
    const quorum = operatorsStart(any(['operator', 1]));
    expect(glass({ kind: 'quorum.set', governed: 'limits.raise', quorum })).toBe('charter.duties-mixed');
    expect(glass({ kind: 'member.revoke', member: 'carla' })).toBe('charter.quorum-unreachable');
    const unknown = { kind: 'destination.approve', id: randomUUID(), owner: 'alpha' } as never;
    expect(glass(unknown)).toBe('charter.malformed');
  });

  it('needs a quorum of its own that is larger than every other', () => {
    const quorum = operatorsStart(any(['operator', 1], ['compliance', 1]));
    expect(() => start({ quorums: { 'break-glass': quorum, 'house.open': quorum } })).toThrow('charter.below-floor');
    const firm = start({ quorums: { 'house.open': quorum } });
    expect(tried(firm, raise(firm))).toBe('charter.act-not-allowed');
  });
});

describe('the calendar', () => {
  it('is set by two duties, in a time zone that exists', () => {
    const firm = start();
    const calendar = {
      timeZone: 'Europe/Berlin',
      workdays: ['MONDAY' as const],
      openMinute: 540,
      closeMinute: 1020,
      holidays: ['2026-12-25'],
    };
    firm.append({ kind: 'calendar.set', calendar });
    expect(firm.state.calendar).toEqual(calendar);
    expect(tried(firm, { kind: 'calendar.set', calendar: { ...calendar, timeZone: 'Mars/Base' } })).toBe(
      'charter.malformed',
    );
  });
});
