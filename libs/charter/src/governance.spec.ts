import { randomUUID } from 'node:crypto';
import type { Quorum } from '@bulkhead/approval';
import { REGTEST } from '@bulkhead/intent';
import { CharterBuilder, instant, type EntryOptions } from '../../../test/support/charter-builder.js';
import { makeMember, publicPart } from '../../../test/support/members.js';
import { SIGNER_RECORDS, usualFirm } from '../../../test/support/wallets.js';
import { applyEntry, checkNotFrozen, governedBy, type Act, type CharterEntry, type GenesisAct } from './index.js';

const HOUR_S = 3600;
const both: Quorum = {
  initiators: ['operator'],
  anyOf: [
    [
      { group: 'operator', threshold: 1 },
      { group: 'compliance', threshold: 1 },
    ],
  ],
};
const quick: Quorum = { initiators: ['operator', 'compliance'], anyOf: [[{ group: 'operator', threshold: 1 }]] };

const firmWith = (genesis: Partial<GenesisAct> = {}): CharterBuilder =>
  CharterBuilder.start(SIGNER_RECORDS, { genesis });

const codeOf = (firm: CharterBuilder, entry: CharterEntry): string => {
  const result = applyEntry(firm.state, entry);
  return result.ok ? 'accepted' : result.refusal.code;
};
const tried = (firm: CharterBuilder, act: Act, options?: EntryOptions): string =>
  codeOf(firm, firm.entry(act, options));

describe('members', () => {
  it('are enrolled and then count, and once revoked count no more and never come back', () => {
    const firm = firmWith();
    const petra = makeMember('petra', 'operator');
    const member = publicPart(petra);
    firm.append({ kind: 'member.enrol', member });
    const open: Act = { kind: 'house.open', owner: { id: 'house', name: 'House' } };
    expect(tried(firm, open, { approvers: [petra, firm.members.carla] })).toBe('accepted');
    firm.append({ kind: 'member.revoke', member: 'petra' });
    expect(tried(firm, open, { approvers: [petra, firm.members.carla] })).toBe('approval.unknown-member');
    expect(tried(firm, { kind: 'member.enrol', member })).toBe('charter.id-taken');
    const renamed = { ...member, id: 'petra-two', person: 'petra-two' };
    expect(tried(firm, { kind: 'member.enrol', member: renamed })).toBe('charter.id-taken');
  });

  it('are one person each: a second membership of the same person is refused', () => {
    const firm = firmWith();
    const member = publicPart(makeMember('olivia-again', 'operator', 'olivia'));
    expect(tried(firm, { kind: 'member.enrol', member })).toBe('charter.id-taken');
  });

  it('cannot be revoked when a quorum would become unreachable', () => {
    const firm = firmWith();
    const { carla } = firm.members;
    expect(tried(firm, { kind: 'member.revoke', member: carla.id })).toBe('charter.quorum-unreachable');
    expect(tried(firm, { kind: 'member.revoke', member: 'nobody' })).toBe('approval.unknown-member');
  });

  it('have several keys; a revoked one signs nothing and never comes back, and the last one stays', () => {
    const firm = firmWith();
    const [second] = makeMember('spare', 'operator').keys;
    const key = { ...second!, id: 'omar-2' };
    firm.append({ kind: 'member-key.enrol', member: 'omar', key });
    expect(firm.state.members.get('omar')?.keys).toHaveLength(2);
    firm.append({ kind: 'member-key.revoke', member: 'omar', key: 'omar-2' });
    expect(tried(firm, { kind: 'member-key.enrol', member: 'oskar', key: { ...key, id: 'oskar-2' } })).toBe(
      'charter.id-taken',
    );
    expect(tried(firm, { kind: 'member-key.revoke', member: 'omar', key: 'omar-1' })).toBe(
      'charter.quorum-unreachable',
    );
    expect(tried(firm, { kind: 'member-key.revoke', member: 'omar', key: 'omar-9' })).toBe('approval.unknown-key');
  });
});

describe('quorums and limits', () => {
  const governed = 'wallet.open';
  const threshold = (operators: number): Quorum => ({
    initiators: ['operator'],
    anyOf: [
      [
        { group: 'operator', threshold: operators },
        { group: 'compliance', threshold: 1 },
      ],
    ],
  });

  it('are judged by where they go: fewer people loosen, more tighten', () => {
    const firm = firmWith();
    const set = (quorum: Quorum): Act => ({ kind: 'quorum.set', governed, quorum });
    expect(governedBy(firm.state, set(threshold(2)) as never)).toBe('quorum.tighten');
    firm.append(set(threshold(2)));
    expect(governedBy(firm.state, set(threshold(1)) as never)).toBe('quorum.loosen');
    const wider: Quorum = { ...threshold(2), initiators: ['operator', 'compliance'] };
    expect(governedBy(firm.state, set(wider) as never)).toBe('quorum.loosen');
  });

  it('never become unreachable, fall below the floor, or leave out the compliance officer where one must be', () => {
    const firm = firmWith({ rules: { fewestApprovers: 2 } });
    const set = (quorum: Quorum, what: 'wallet.open' | 'limits.raise' = governed): string =>
      tried(firm, { kind: 'quorum.set', governed: what, quorum });
    expect(set(threshold(3))).toBe('charter.quorum-unreachable');
    expect(set({ initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 1 }]] })).toBe(
      'charter.below-floor',
    );
    expect(set({ initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 2 }]] }, 'limits.raise')).toBe(
      'charter.duties-mixed',
    );
  });

  it('refuse a genesis that breaks a floor or mixes duties', () => {
    const genesis =
      (overrides: Partial<GenesisAct>): (() => unknown) =>
      () =>
        firmWith(overrides);
    expect(genesis({ rules: { fewestApprovers: 2 }, quorums: { freeze: quick } })).toThrow('charter.below-floor');
    expect(genesis({ quorums: { unfreeze: quick } })).toThrow('charter.duties-mixed');
  });

  it('let a limit be lowered at once by the smaller quorum and raised only by the larger', () => {
    const firm = firmWith({ quorums: { 'limits.raise': both, 'limits.lower': quick } });
    const limits = firm.state.limits;
    const byOperators: EntryOptions = { approvers: [firm.members.omar] };
    const raised: Act = { kind: 'limits.set', limits: { ...limits, maxFeeSat: '100001' } };
    expect(tried(firm, raised, byOperators)).toBe('approval.quorum-not-met');
    expect(tried(firm, raised)).toBe('accepted');
    firm.append({ kind: 'limits.set', limits: { ...limits, maxFeeSat: '5000' } }, byOperators);
    expect(firm.state.limits.maxFeeSat).toBe('5000');
    const invoice = {
      ...firm.state.limits,
      feeInvoices: [{ asset: limits.feeInvoices[0]!.asset, maxAmount: '2000000' }],
    };
    expect(governedBy(firm.state, { kind: 'limits.set', limits: invoice })).toBe('limits.raise');
  });
});

describe('what loosens waits out its delay', () => {
  const delaySeconds = { 'limits.raise': HOUR_S, unfreeze: HOUR_S };
  const raise = ({ state }: CharterBuilder): Act => ({
    kind: 'limits.set',
    limits: { ...state.limits, maxFeeSat: '99999999' },
  });
  const opened = (): CharterBuilder => {
    const firm = firmWith({ rules: { delaySeconds } });
    firm.append({ kind: 'house.open', owner: { id: 'house', name: 'House' } });
    return firm;
  };

  it('is approved, is not in force, cannot be put into force early, and then is', () => {
    const firm = opened();
    const { intent } = firm.append(raise(firm));
    expect(firm.state.limits.maxFeeSat).not.toBe('99999999');
    const enact: Act = { kind: 'pending.enact', intent: intent.id };
    expect(tried(firm, enact)).toBe('charter.delay-not-over');
    const later = {
      enactedAt: instant((HOUR_S + 1) * 1000),
      statementsExpireAt: instant(3 * HOUR_S * 1000),
      intent: { expiresAt: instant(3 * HOUR_S * 1000) },
    };
    firm.append(enact, later);
    expect(firm.state.limits.maxFeeSat).toBe('99999999');
    expect(tried(firm, enact, later)).toBe('charter.nothing-pending');
  });

  it('is ended by a veto', () => {
    const firm = opened();
    const { intent } = firm.append(raise(firm));
    firm.append({ kind: 'pending.veto', intent: intent.id });
    const late = {
      enactedAt: instant((HOUR_S + 1) * 1000),
      statementsExpireAt: instant(3 * HOUR_S * 1000),
      intent: { expiresAt: instant(3 * HOUR_S * 1000) },
    };
    expect(tried(firm, { kind: 'pending.enact', intent: intent.id }, late)).toBe('charter.nothing-pending');
  });

  it('is refused from the start when it would not be sound', () => {
    const firm = opened();
    const invoices = firm.state.limits.feeInvoices;
    const twice = { ...firm.state.limits, feeInvoices: [...invoices, ...invoices] };
    expect(tried(firm, { kind: 'limits.set', limits: twice })).toBe('charter.malformed');
  });

  it('does not run from before it was proposed, whatever whoever hands it on says', () => {
    const firm = opened();
    expect(tried(firm, raise(firm), { enactedAt: instant(-30 * HOUR_S * 1000) })).toBe('charter.enacted-in-past');
  });

  it('does not hold up what tightens: a freeze is at once, its lifting is not', () => {
    const firm = opened();
    const scope = { of: 'owner', owner: 'house' } as const;
    firm.append({ kind: 'freeze', scope, reason: 'a drill' });
    const asked = checkNotFrozen(firm.state, { owner: 'house', wallet: 'any' });
    expect(asked).toMatchObject({ ok: false, refusal: { code: 'charter.frozen', facts: { frozen: 'owner:house' } } });
    firm.append({ kind: 'unfreeze', scope });
    expect(firm.state.frozen.has('owner:house')).toBe(true);
  });
});

describe('freezes and revocations', () => {
  it('name something that exists, and hold the firm, an owner, a wallet or a payee', () => {
    const firm = usualFirm();
    const [wallet] = [...firm.state.wallets.values()];
    const subject = { owner: wallet!.owner, wallet: wallet!.id, payee: { chain: REGTEST, address: 'bcrt1qpayee' } };
    expect(checkNotFrozen(firm.state, subject).ok).toBe(true);
    expect(tried(firm, { kind: 'freeze', scope: { of: 'wallet', wallet: 'none' }, reason: 'x' })).toBe(
      'charter.unknown-wallet',
    );
    expect(tried(firm, { kind: 'freeze', scope: { of: 'owner', owner: 'none' }, reason: 'x' })).toBe(
      'charter.unknown-owner',
    );
    for (const scope of [
      { of: 'firm' },
      { of: 'owner', owner: wallet!.owner },
      { of: 'wallet', wallet: wallet!.id },
    ] as const) {
      firm.append({ kind: 'freeze', scope, reason: 'a drill' });
      expect(checkNotFrozen(firm.state, subject).ok).toBe(false);
      firm.append({ kind: 'unfreeze', scope });
      expect(checkNotFrozen(firm.state, subject).ok).toBe(true);
      expect(tried(firm, { kind: 'unfreeze', scope })).toBe('charter.not-frozen');
    }
  });

  it('take an approved destination away at once', () => {
    const firm = usualFirm();
    const owner = [...firm.state.owners.values()].find(({ estate }) => estate === 'HOUSE')!.id;
    const [chain, address] = [REGTEST, 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'];
    firm.append({ kind: 'destination.approve', id: randomUUID(), owner, chain, address, label: 'A bank' });
    const revoke: Act = { kind: 'destination.revoke', owner, chain, address };
    firm.append(revoke);
    expect(firm.state.destinations.some((owners) => owners.has(owner) && owners.get(owner)?.address === address)).toBe(
      false,
    );
    expect(tried(firm, revoke)).toBe('segregation.unknown-destination');
  });
});
