import { randomUUID } from 'node:crypto';
import { orThrow, REGTEST } from '@bulkhead/intent';
import { CharterBuilder, instant } from '../../../test/support/charter-builder.js';
import { enactAfter } from '../../../test/support/key-acts.js';
import { OUTSIDE, SIGNER_RECORDS, usualFirm } from '../../../test/support/wallets.js';
import {
  addressKey,
  applyEntry,
  checkCooled,
  checkSettled,
  seenAt,
  type Act,
  type CharterEntry,
  type CharterState,
} from './index.js';

const DELAY_S = 600;
const firm = usualFirm(
  CharterBuilder.start(SIGNER_RECORDS, {
    genesis: { rules: { delaySeconds: { 'destination.approve': DELAY_S, 'limits.raise': DELAY_S } } },
  }),
);
const before = firm.state;
const after = (entry: CharterEntry, seconds: number): string =>
  new Date(Date.parse(entry.enactedAt) + seconds * 1000).toISOString();
/** A replica that saw an entry so many seconds after the instant that the entry names. */
const seen = (state: CharterState, entry: CharterEntry, lateSeconds: number): CharterState =>
  seenAt(orThrow(applyEntry(state, entry)), entry, after(entry, lateSeconds));

describe('a replica that saw an entry late', () => {
  const address = OUTSIDE.bitcoin;
  const approval: Act = {
    kind: 'destination.approve',
    id: randomUUID(),
    owner: 'alpha',
    chain: REGTEST,
    address,
    label: 'somebody',
  };
  const payout = {
    owner: 'alpha',
    purpose: 'PAYMENT',
    chain: REGTEST,
    payee: address,
    proposedAt: instant(60_000),
  } as const;
  const pays = (state: CharterState, at: string): string => {
    const cooled = checkCooled(state, payout, at);
    return cooled.ok ? 'accepted' : cooled.refusal.code;
  };

  it('cools a destination from then, and one that saw it at once from when it was enacted', () => {
    const entry = firm.entry(approval);
    expect(pays(seen(before, entry, 0), after(entry, DELAY_S))).toBe('accepted');
    expect(pays(seen(before, entry, -5), after(entry, DELAY_S))).toBe('accepted');
    const late = seen(before, entry, DELAY_S);
    expect(pays(late, after(entry, DELAY_S))).toBe('destination.cooling');
    expect(pays(late, after(entry, 2 * DELAY_S - 1))).toBe('destination.cooling');
    expect(pays(late, after(entry, 2 * DELAY_S))).toBe('accepted');
    expect(late.destinations.get(addressKey(REGTEST, address))?.get('alpha')?.approvedAt).toBe(after(entry, DELAY_S));
  });

  it('accepts what it would have accepted, and is not settled before the delay is over by its clock', () => {
    const fork = CharterBuilder.fork(firm);
    const raised = { ...before.limits, maxFeeSat: '200000' };
    const waits = fork.append({ kind: 'limits.set', limits: raised });
    const enacted = enactAfter(fork, waits.intent.id, DELAY_S + 1);
    const settled = (state: CharterState, seconds: number): boolean => checkSettled(state, after(waits, seconds)).ok;
    const inTime = seen(seen(before, waits, 0), enacted, 0);
    expect(settled(inTime, DELAY_S + 1)).toBe(true);
    const late = seen(seen(before, waits, DELAY_S), enacted, 0);
    expect(late.limits).toEqual(raised);
    expect(settled(late, DELAY_S + 1)).toBe(false);
    expect(settled(late, 2 * DELAY_S - 1)).toBe(false);
    expect(settled(late, 2 * DELAY_S)).toBe(true);
  });

  it('waits for nothing that was vetoed', () => {
    const fork = CharterBuilder.fork(firm);
    const waits = fork.append({ kind: 'limits.set', limits: { ...before.limits, maxFeeSat: '200000' } });
    const veto = fork.append({ kind: 'pending.veto', intent: waits.intent.id });
    expect(checkSettled(seen(seen(before, waits, DELAY_S), veto, 0), instant()).ok).toBe(true);
  });
});
