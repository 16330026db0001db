import fc from 'fast-check';
import { CharterBuilder, instant, type EntryOptions } from '../../../test/support/charter-builder.js';
import { SIGNER_RECORDS, usualFirm } from '../../../test/support/wallets.js';
import { applyEntry, PENDING_LIFE_SECONDS, type Act, type Rules } from './index.js';

const HOUR_S = 3_600;
const delaySeconds: Rules['delaySeconds'] = {
  unfreeze: HOUR_S,
  'limits.raise': HOUR_S,
  'rules.loosen': HOUR_S,
  'quorum.loosen': HOUR_S,
  'group.set': HOUR_S,
  'policy.set': HOUR_S,
  'member.enrol': HOUR_S,
};
const start = () => CharterBuilder.start(SIGNER_RECORDS, { genesis: { rules: { delaySeconds } } });
function after(seconds: number): EntryOptions {
  const [now, expiresAt] = [instant(seconds * 1000), instant((seconds + HOUR_S) * 1000)];
  return { enactedAt: now, statementsExpireAt: expiresAt, intent: { createdAt: now, expiresAt } };
}
const LATE = after(HOUR_S + 60);
const tried = (firm: CharterBuilder, act: Act, options?: EntryOptions): string => {
  const result = applyEntry(firm.state, firm.entry(act, options));
  return result.ok ? 'accepted' : result.refusal.code;
};
/** Approves an act that then waits. @returns what puts it into force */
const waiting = (firm: CharterBuilder, act: Act): Act => {
  const { intent } = firm.append(act);
  expect(firm.state.pending.has(intent.id)).toBe(true);
  return { kind: 'pending.enact', intent: intent.id };
};
const feeCap = ({ state }: CharterBuilder, maxFeeSat: string): Act => ({
  kind: 'limits.set',
  limits: { ...state.limits, maxFeeSat },
});

describe('what waits out its delay', () => {
  it('may be put into force for a week after it, and then no more', () => {
    const firm = start();
    const enact = waiting(firm, feeCap(firm, '200000'));
    const end = HOUR_S + PENDING_LIFE_SECONDS;
    expect(tried(firm, enact, after(end + 60))).toBe('intent.expired');
    expect(tried(firm, enact, after(end - 60))).toBe('accepted');
  });

  it('lifts no freeze that came after it was approved', () => {
    const firm = usualFirm(start());
    const scope = { of: 'wallet', wallet: 'alpha-btc' } as const;
    firm.append({ kind: 'freeze', scope, reason: 'first' });
    const [one, other] = [
      waiting(firm, { kind: 'unfreeze', scope }),
      waiting(firm, { kind: 'unfreeze', scope }),
    ] as const;
    firm.append(one, LATE);
    firm.append({ kind: 'freeze', scope, reason: 'second' }, LATE);
    expect(tried(firm, other, LATE)).toBe('charter.nothing-pending');
    expect([...firm.state.frozen.values()]).toEqual(['second']);
  });

  it('lifts no freeze that was said again while it waited, though it is the same one', () => {
    const firm = usualFirm(start());
    const freeze: Act = { kind: 'freeze', scope: { of: 'firm' }, reason: 'a drill' };
    firm.append(freeze);
    const lift = waiting(firm, { kind: 'unfreeze', scope: { of: 'firm' } });
    firm.append(freeze);
    expect(tried(firm, lift, LATE)).toBe('charter.nothing-pending');
  });

  it('raises no cap again that was lowered in the meantime', () => {
    const firm = start();
    const { limits } = firm.state;
    const raise = waiting(firm, {
      kind: 'limits.set',
      limits: { ...limits, maxGasCostWei: `${limits.maxGasCostWei}0` },
    });
    firm.append(feeCap(firm, '1'));
    expect(tried(firm, raise, LATE)).toBe('charter.nothing-pending');
    expect(firm.state.limits.maxFeeSat).toBe('1');
  });

  it('gives back no rule, quorum, group, policy or membership that was set anew in the meantime', () => {
    const firm = usualFirm(start());
    const { quorums, rules } = firm.state;
    const group = (...members: string[]): Act => ({ kind: 'group.set', group: { id: 'desk', members } });
    const quorum = quorums['transfer.PAYMENT']!;
    const tighter = { ...quorum, anyOf: [[...quorum.anyOf[0]!, { group: 'engineer', threshold: 1 }]] };
    const permit = '@quorum("transfer.PAYMENT") permit (principal, action == Action::"transfer", resource);';
    const policy = (text: string): Act => ({ kind: 'policy.set', id: 'own', text, owner: 'alpha', wallet: null });
    const renew: Act = { kind: 'member.renew', member: 'oskar', expiresAt: null };
    const governed = 'house.open';
    firm.append({ kind: 'quorum.set', governed, quorum: tighter });
    const waits: readonly (readonly [Act, Act])[] = [
      [
        { kind: 'rules.set', rules: { ...rules, priceMaxAgeSeconds: 900 } },
        { kind: 'rules.set', rules: { ...rules, priceMaxAgeSeconds: 100 } },
      ],
      [
        { kind: 'quorum.set', governed, quorum },
        { kind: 'quorum.set', governed, quorum: tighter },
      ],
      [group('olivia', 'omar'), { kind: 'break-glass', act: group('olivia'), reason: 'a drill' } as Act],
      [policy(permit), policy(permit)],
      [renew, renew],
    ];
    for (const [loosening, later] of waits) {
      const fork = CharterBuilder.fork(firm);
      const enact = waiting(fork, loosening);
      const { intent } = fork.append(later, LATE);
      if (fork.state.pending.has(intent.id))
        fork.append({ kind: 'pending.enact', intent: intent.id }, after(2 * HOUR_S + 120));
      expect(tried(fork, enact, after(2 * HOUR_S + 180))).toBe('charter.nothing-pending');
    }
  });

  it('stays through what is about something else', () => {
    const firm = usualFirm(start());
    firm.append({ kind: 'freeze', scope: { of: 'firm' }, reason: 'a drill' });
    const lift = waiting(firm, { kind: 'unfreeze', scope: { of: 'firm' } });
    firm.append({ kind: 'freeze', scope: { of: 'wallet', wallet: 'alpha-btc' }, reason: 'a drill' });
    firm.append(feeCap(firm, '1'));
    expect(tried(firm, lift, LATE)).toBe('accepted');
  });

  it('over any history, is what was said last of its subject when it comes into force', () => {
    const step = fc.constantFrom('freeze', 'lift', 'lower', 'raise', 'enact first', 'enact last');
    let enacted = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 10 }), (steps) => {
        const firm = start();
        const subjects = new Map<string, { readonly about: string; readonly since: number }>();
        const changed = new Map<string, number>();
        const tries = (act: Act, about: string, moment: number): void => {
          const entry = firm.entry(act, after(HOUR_S * 2 * moment));
          if (!applyEntry(firm.state, entry).ok) return;
          firm.append(act, { ...after(HOUR_S * 2 * moment), intent: { ...entry.intent } });
          if (firm.state.pending.has(entry.intent.id)) subjects.set(entry.intent.id, { about, since: moment });
          else changed.set(about, moment);
        };
        for (const [moment, what] of steps.entries()) {
          if (what === 'freeze') tries({ kind: 'freeze', scope: { of: 'firm' }, reason: 'a drill' }, 'freeze', moment);
          else if (what === 'lift') tries({ kind: 'unfreeze', scope: { of: 'firm' } }, 'freeze', moment);
          else if (what === 'lower') tries(feeCap(firm, '5'), 'limits', moment);
          else if (what === 'raise') tries(feeCap(firm, '200000'), 'limits', moment);
          else {
            const ids = [...subjects.keys()];
            const id = what === 'enact first' ? ids[0] : ids.at(-1);
            const subject = id === undefined ? undefined : subjects.get(id);
            if (id === undefined || subject === undefined) continue;
            const act: Act = { kind: 'pending.enact', intent: id };
            if (tried(firm, act, after(HOUR_S * 2 * moment)) !== 'accepted') continue;
            expect(changed.get(subject.about) ?? -1).toBeLessThanOrEqual(subject.since);
            firm.append(act, after(HOUR_S * 2 * moment));
            changed.set(subject.about, moment);
            enacted += 1;
          }
        }
      }),
      { numRuns: 60 },
    );
    expect(enacted).toBeGreaterThan(10);
  });
});
