import { REGTEST, ZERO_DIGEST } from '@bulkhead/intent';
import {
  CharterBuilder,
  genesisAct,
  genesisEntry,
  instant,
  makeMembers,
  type EntryOptions,
} from '../../../test/support/charter-builder.js';
import { say } from '../../../test/support/members.js';
import { OUTSIDE, SIGNER_RECORDS, usualFirm } from '../../../test/support/wallets.js';
import type { Act } from './acts.js';
import { entryHash, type CharterEntry } from './entry.js';
import { applyEntry, previewIntent } from './reducer.js';
import { firmHead } from './state.js';

const firm = usualFirm();
const { olivia, omar, oskar, carla } = firm.members;
const AT = instant(60_000);
const BEFORE = new Date(Date.parse(AT) - 1).toISOString();
const AFTER = new Date(Date.parse(AT) + 1).toISOString();
const OPEN: Act = { kind: 'client.open', owner: { id: 'gamma', name: 'Gamma' } };
const OPEN_HOUSE: Act = { kind: 'house.open', owner: { id: 'desk', name: 'Desk' } };
const DESTINATION: Act = {
  kind: 'destination.approve',
  id: '5b0b9d3e-8f5c-4a0e-9d57-0d8b8e6c2f11',
  owner: 'alpha',
  chain: REGTEST,
  address: OUTSIDE.bitcoin,
  label: 'exchange',
};

const codeOf = (entry: unknown, state = firm.state): string => {
  const result = applyEntry(state, entry);
  return result.ok ? 'accepted' : result.refusal.code;
};
const signed = (options: EntryOptions, act: Act = DESTINATION): string => codeOf(firm.entry(act, options));
const alphaHead = firm.state.heads.get('client:alpha')!;

describe('the place of an entry', () => {
  it('is the next of its chain', () => {
    for (const act of [OPEN, OPEN_HOUSE, DESTINATION]) expect(codeOf(firm.entry(act))).toBe('accepted');
  });

  it('is not beyond a gap', () => {
    expect(signed({ intent: { sequence: alphaHead.sequence + 2 } })).toBe('charter.gap');
    expect(signed({ intent: { sequence: 1 } }, OPEN)).toBe('charter.gap');
    expect(codeOf(firm.entries.at(-1), CharterBuilder.start(SIGNER_RECORDS).state)).toBe('intent.wrong-firm');
  });

  it('is not one that the chain has passed', () => {
    expect(signed({ intent: { sequence: alphaHead.sequence } })).toBe('charter.rollback');
    expect(signed({ intent: { sequence: 0, previous: ZERO_DIGEST } })).toBe('charter.rollback');
    for (const entry of firm.entries.slice(1)) expect(codeOf(entry)).toBe('charter.rollback');
  });

  it('follows the head itself, not another history', () => {
    expect(signed({ intent: { previous: ZERO_DIGEST } })).toBe('charter.fork');
    expect(signed({ intent: { previous: firmHead(firm.state).hash } })).toBe('charter.fork');
    expect(signed({ intent: { previous: alphaHead.hash } }, OPEN)).toBe('charter.fork');
  });

  it('is on the firm’s head as it is now', () => {
    const head = firmHead(firm.state);
    const stale = { sequence: head.sequence - 1, hash: head.hash };
    expect(signed({ intent: { firmHead: stale } })).toBe('charter.firm-head-stale');
    expect(signed({ intent: { firmHead: { ...head, hash: ZERO_DIGEST } } })).toBe('charter.firm-head-stale');
    expect(signed({ intent: { firmHead: null } })).toBe('charter.firm-head-stale');
    // signed before another entry of the firm's chain: approvals do not survive it
    const before = firm.entry(DESTINATION);
    const moved = applyEntry(firm.state, firm.entry(OPEN_HOUSE));
    expect(moved.ok && codeOf(before, moved.value)).toBe('charter.firm-head-stale');
  });

  it('is in its own firm', () => {
    expect(signed({ intent: { firm: 'ab'.repeat(32) as typeof ZERO_DIGEST } })).toBe('intent.wrong-firm');
    expect(codeOf(usualFirm().entries.at(-1))).toBe('intent.wrong-firm');
  });

  it('is on the chain of its owner', () => {
    const onFirm = firmHead(firm.state);
    const next = { sequence: onFirm.sequence + 1, previous: onFirm.hash };
    for (const chain of ['client:beta', 'client:ghost', 'client:house'])
      expect(signed({ intent: { chain } })).toBe('charter.act-not-allowed');
    expect(signed({ intent: { chain: 'firm', ...next } })).toBe('charter.act-not-allowed');
    expect(signed({ intent: { chain: 'firm', ...next } }, OPEN)).toBe('charter.act-not-allowed');
    const onAlpha = { chain: 'client:alpha', sequence: alphaHead.sequence + 1, previous: alphaHead.hash };
    expect(signed({ intent: onAlpha }, OPEN_HOUSE)).toBe('charter.act-not-allowed');
    expect(signed({ intent: onAlpha }, OPEN)).toBe('charter.act-not-allowed');
    expect(signed({ intent: { chain: 'FIRM' } })).toBe('charter.malformed');
  });

  it('is had once by an intent', () => {
    const { id } = firm.entries[3]!.intent;
    expect(signed({ intent: { id } })).toBe('charter.id-taken');
  });
});

describe('the approvals of an entry', () => {
  it.each<[string, EntryOptions]>([
    ['approval.quorum-not-met', { approvers: [] }],
    ['approval.quorum-not-met', { approvers: [omar] }],
    ['approval.quorum-not-met', { approvers: [omar, oskar] }],
    ['approval.initiator', { approvers: [olivia, carla] }],
    ['approval.duplicate', { approvers: [omar, omar, carla] }],
    ['approval.not-eligible', { initiator: carla, approvers: [omar, oskar] }],
    ['approval.charter-mismatch', { charterSequence: firmHead(firm.state).sequence - 1 }],
    ['approval.charter-mismatch', { charterSequence: firmHead(firm.state).sequence + 1 }],
    ['approval.expired', { enactedAt: AT, statementsExpireAt: BEFORE }],
    ['intent.expired', { enactedAt: AT, intent: { expiresAt: BEFORE } }],
  ])('are refused with %s', (code, options) => {
    expect(signed(options)).toBe(code);
  });

  it('may expire at the instant at which the entry is enacted, or later', () => {
    expect(signed({ enactedAt: AT, statementsExpireAt: AT, intent: { expiresAt: AT } })).toBe('accepted');
  });

  it('end with one rejection', () => {
    const entry = firm.entry(DESTINATION);
    const rejection = say(oskar, 'REJECT', entry.approvals[0]!.statement);
    expect(codeOf({ ...entry, approvals: [...entry.approvals, rejection] })).toBe('approval.rejected');
  });

  it('are about this intent', () => {
    const entry = firm.entry(DESTINATION);
    const other = firm.entry({ ...DESTINATION, label: 'another' });
    expect(codeOf({ ...entry, approvals: other.approvals })).toBe('approval.intent-mismatch');
    expect(codeOf({ ...entry, proposal: other.proposal })).toBe('approval.intent-mismatch');
  });

  it('cannot be had for an act without a quorum', () => {
    const all = Object.entries(firm.state.genesis.quorums);
    const quorums = Object.fromEntries(all.filter(([governed]) => governed !== 'client.open'));
    const builder = CharterBuilder.start(SIGNER_RECORDS, { genesis: { quorums } });
    const result = applyEntry(builder.state, builder.entry(OPEN));
    expect(result.ok ? 'accepted' : result.refusal.code).toBe('charter.act-not-allowed');
  });
});

describe('a preview of an intent', () => {
  const at = instant();
  const preview = (entry: CharterEntry): string => {
    const result = previewIntent(firm.state, entry.intent, entry.proposal, at);
    return result.ok ? 'accepted' : result.refusal.code;
  };

  it('says what the reducer would say, were the quorum complete', () => {
    expect(preview(firm.entry(DESTINATION, { approvers: [] }))).toBe('accepted');
    expect(preview(firm.entry({ ...OPEN, owner: { id: 'alpha', name: 'Again' } }))).toBe('charter.id-taken');
    expect(preview(firm.entry(DESTINATION, { intent: { previous: ZERO_DIGEST } }))).toBe('charter.fork');
    expect(preview(firm.entry(DESTINATION, { initiator: carla }))).toBe('approval.not-eligible');
    const { proposal } = firm.entry(OPEN_HOUSE);
    expect(preview({ ...firm.entry(DESTINATION), proposal })).toBe('approval.intent-mismatch');
  });
});

describe('an entry’s hash', () => {
  it('covers its approvals, so that two histories never share a head', () => {
    const entry = firm.entry(DESTINATION, { enactedAt: AT });
    expect(entryHash({ ...entry, approvals: entry.approvals.toReversed() })).not.toBe(entryHash(entry));
    expect(entryHash({ ...entry, enactedAt: AFTER })).not.toBe(entryHash(entry));
  });

  it('of two genesis entries makes two firms', () => {
    const members = makeMembers();
    const act = genesisAct(Object.values(members), SIGNER_RECORDS);
    expect(entryHash(genesisEntry(act, members))).not.toBe(entryHash(genesisEntry(act, members)));
  });
});
