import type { Quorum } from '@bulkhead/approval';
import { CharterBuilder, type EntryOptions } from '../../../test/support/charter-builder.js';
import { BTC } from '../../../test/support/custody-firm.js';
import { after } from '../../../test/support/key-acts.js';
import { bitcoinWallet, SIGNER_RECORDS } from '../../../test/support/wallets.js';
import {
  actInForce,
  applyEntry,
  delayOf,
  governedBy,
  LONGEST_DELAY_SECONDS,
  usualDelay,
  type Act,
  type GenesisAct,
} from './index.js';

const HOUR_S = 3_600;
const start = (genesis: Partial<GenesisAct> = {}): CharterBuilder => CharterBuilder.start(SIGNER_RECORDS, { genesis });
const refusalOf = (firm: CharterBuilder, act: Act, options?: EntryOptions) => {
  const result = applyEntry(firm.state, firm.entry(act, options));
  return result.ok ? undefined : result.refusal;
};
const operators = (...asks: [string, number][]): Quorum => ({
  initiators: ['operator'],
  anyOf: [asks.map(([group, threshold]) => ({ group, threshold }))],
});
const delays = (
  { state }: CharterBuilder,
  delaySeconds: GenesisAct['rules'] & object,
): Act & { kind: 'rules.set' } => ({
  kind: 'rules.set',
  rules: { ...state.rules, ...delaySeconds },
});

describe('delays', () => {
  it('are made longer at once, by the larger quorum; other strictness takes the smaller', () => {
    const firm = start({ rules: { delaySeconds: { unfreeze: HOUR_S } } });
    const longer = delays(firm, { delaySeconds: { unfreeze: 2 * HOUR_S } });
    expect([governedBy(firm.state, longer), delayOf(firm.state, longer)]).toEqual(['rules.loosen', 0]);
    const stricter = delays(firm, { priceMaxAgeSeconds: 10 });
    expect(governedBy(firm.state, stricter)).toBe('rules.tighten');
    const shorter = delays(firm, { delaySeconds: { unfreeze: 60 } });
    expect([governedBy(firm.state, shorter), delayOf(firm.state, shorter)]).toEqual(['rules.loosen', HOUR_S]);
  });

  it('are 30 days at most, and of break-glass never none', () => {
    const firm = start();
    const set = (delaySeconds: object) => refusalOf(firm, delays(firm, { delaySeconds }))?.code;
    expect(set({ unfreeze: LONGEST_DELAY_SECONDS + 1 })).toBe('charter.malformed');
    expect(set({ 'break-glass': 0 })).toBe('charter.malformed');
    expect(set({ 'break-glass': 1 })).toBeUndefined();
    expect(() => start({ rules: { delaySeconds: { 'break-glass': 0 } } })).toThrow('charter.malformed');
  });

  it('are told as they are, named or not', () => {
    const { rules } = start({ rules: { delaySeconds: { unfreeze: 2 * HOUR_S } } }).state;
    const told = (['unfreeze', 'break-glass', 'rules.loosen', 'key.destroy', 'freeze'] as const).map((governed) =>
      usualDelay(rules, governed),
    );
    expect(told).toEqual([2 * HOUR_S, 2 * HOUR_S, 2 * HOUR_S, HOUR_S, 0]);
  });

  it('hold for what opens, too: it can be vetoed meanwhile, and is there once it is in force', () => {
    const rules = { delaySeconds: { 'client.open': 60, 'house.open': 60, 'asset.list': 60, 'wallet.open': 60 } };
    const firm = start({ rules });
    const opens: readonly (readonly [Act, () => boolean])[] = [
      [{ kind: 'asset.list', asset: { id: BTC, symbol: 'BTC', decimals: 8 } }, () => firm.state.assets.has(BTC)],
      [{ kind: 'house.open', owner: { id: 'house', name: 'House' } }, () => firm.state.owners.has('house')],
      [{ kind: 'client.open', owner: { id: 'alpha', name: 'Alpha' } }, () => firm.state.owners.has('alpha')],
      [{ kind: 'wallet.open', wallet: bitcoinWallet('alpha-btc', 'alpha') }, () => firm.state.wallets.has('alpha-btc')],
    ];
    let seconds = 0;
    for (const [act, isThere] of opens) {
      const vetoed = firm.append(act, after(seconds)).intent.id;
      firm.append({ kind: 'pending.veto', intent: vetoed }, after(seconds));
      const waiting = firm.append(act, after(seconds)).intent.id;
      expect(isThere()).toBe(false);
      const enact: Act = { kind: 'pending.enact', intent: waiting };
      expect(refusalOf(firm, enact, after(seconds + 59))?.code).toBe('charter.delay-not-over');
      seconds += 61;
      const before = firm.state;
      const { intent } = firm.append(enact, after(seconds));
      expect(actInForce(before, intent)).toEqual(act);
      expect(isThere()).toBe(true);
    }
  });

  it('are refused where nobody could decide on what waits', () => {
    const { quorums } = start().state;
    const others = Object.fromEntries(Object.entries(quorums).filter(([governed]) => governed !== 'pending.veto'));
    expect(() => start({ quorums: others })).toThrow('charter.quorum-unreachable');
  });
});

describe('a refusal for a quorum', () => {
  it('names it, be it out of reach, below the floor, or larger than its opposite', () => {
    const firm = start();
    const set = (governed: 'freeze' | 'house.open', quorum: Quorum) =>
      refusalOf(firm, { kind: 'quorum.set', governed, quorum });
    expect(set('house.open', operators(['operator', 3]))).toMatchObject({
      code: 'charter.quorum-unreachable',
      facts: { quorum: 'house.open' },
    });
    const floored = start({ rules: { fewestApprovers: 2 } });
    expect(
      refusalOf(floored, { kind: 'quorum.set', governed: 'house.open', quorum: operators(['operator', 1]) }),
    ).toMatchObject({ code: 'charter.below-floor', facts: { quorum: 'house.open' } });
    expect(set('freeze', operators(['operator', 2], ['compliance', 1]))).toMatchObject({
      code: 'charter.below-floor',
      facts: { quorum: 'unfreeze', other: 'freeze' },
    });
  });
});

describe('duties', () => {
  it('leave no wallet, and so no recovery key, to operators alone', () => {
    const firm = start();
    const quorum = operators(['operator', 2]);
    expect(refusalOf(firm, { kind: 'quorum.set', governed: 'wallet.open', quorum })?.code).toBe('charter.duties-mixed');
  });

  it('stay apart in an emergency: operators start no policy and no signer', () => {
    const firm = start();
    const text = '@quorum("transfer.PAYMENT") permit (principal, action == Action::"transfer", resource);';
    const glass = (act: Extract<Act, { kind: 'break-glass' }>['act']): Act => ({
      kind: 'break-glass',
      act,
      reason: 'x',
    });
    const signer = { id: 'signer-d', tlsFingerprint: 'dd'.repeat(32) };
    for (const act of [
      glass({ kind: 'policy.set', id: 'all', text, owner: null, wallet: null }),
      glass({ kind: 'signer.enrol', signer }),
    ])
      expect(refusalOf(firm, act)?.code).toBe('charter.duties-mixed');
    expect(refusalOf(firm, glass({ kind: 'freeze', scope: { of: 'firm' }, reason: 'x' }))).toBeUndefined();
  });
});

describe('a token', () => {
  it('is one signer’s, however its serial number is padded', () => {
    const [first, second, third] = SIGNER_RECORDS;
    const signers = [{ ...first!, tokenSerial: 'AB' }, { ...second!, tokenSerial: 'AB ' }, third!];
    expect(() => CharterBuilder.start(signers)).toThrow('charter.id-taken');
  });
});
