import type { Digest } from '@bulkhead/intent';
import { makeMember, publicPart, say as sign, type TestMember } from '../../../test/support/members.js';
import { codeOf } from '../../../test/support/outcome.js';
import { SoftPasskey } from '../../../test/support/passkeys.js';
import { checkQuorum, type ApprovalContext, type Member, type Quorum } from './quorum.js';
import type { Approval, Decision, Statement } from './statement.js';
import { checkWord, standingWords } from './words.js';

const AT = '2026-01-02T03:04:05.000Z';
const LATER = '2026-01-02T03:04:05.001Z';
const FIRM = 'f0'.repeat(32) as Digest;
const INTENT = '1a'.repeat(32) as Digest;
const PAYLOAD = '2b'.repeat(32) as Digest;

const [olivia, omar, oskar] = ['olivia', 'omar', 'oskar'].map((id) => makeMember(id, 'operator')) as [
  TestMember,
  TestMember,
  TestMember,
];
const TWO_OPERATORS: Quorum = { initiators: ['operator'], anyOf: [[{ group: 'operator', threshold: 2 }]] };

const contextOf = (members: readonly Member[], changes: Partial<ApprovalContext> = {}): ApprovalContext => ({
  firm: FIRM,
  intent: INTENT,
  payload: PAYLOAD,
  initiator: 'olivia',
  charterSequence: 5,
  charterSequenceExact: false,
  members: new Map(members.map((each) => [each.id, each])),
  groups: new Map(),
  at: AT,
  ...changes,
});
const everybody = [olivia, omar, oskar].map(publicPart);
const usual = contextOf(everybody);
const say = (who: TestMember, decision: Decision, changes: Partial<Statement> = {}): Approval =>
  sign(who, decision, {
    firm: FIRM,
    intent: INTENT,
    payload: decision === 'PROPOSE' ? INTENT : PAYLOAD,
    charterSequence: 5,
    ...changes,
  });
const proposal = say(olivia, 'PROPOSE');
const yes = say(omar, 'APPROVE');
const alsoYes = say(oskar, 'APPROVE');
const withdrawal = say(omar, 'WITHDRAW');
const count = (words: readonly Approval[], context = usual): string =>
  codeOf(checkQuorum(TWO_OPERATORS, proposal, standingWords(words, context), context));

describe('an approval that its member withdraws', () => {
  it('counts no more, in whichever order the words are put', () => {
    expect(count([yes, alsoYes])).toBe('accepted');
    expect(count([yes, withdrawal, alsoYes])).toBe('approval.quorum-not-met');
    for (const words of [
      [yes, withdrawal, alsoYes],
      [withdrawal, alsoYes, yes],
      [alsoYes, yes, withdrawal],
    ]) {
      expect(codeOf(checkQuorum(TWO_OPERATORS, proposal, words, usual))).toBe('approval.quorum-not-met');
    }
  });

  it('is withdrawn by its own member only, over the same bytes', () => {
    expect(codeOf(checkWord([yes], withdrawal, usual))).toBe('accepted');
    expect(codeOf(checkWord([yes], say(oskar, 'WITHDRAW'), usual))).toBe('approval.nothing-to-withdraw');
    expect(codeOf(checkWord([], withdrawal, usual))).toBe('approval.nothing-to-withdraw');
    const ofOtherBytes = say(omar, 'WITHDRAW', { payload: INTENT });
    expect(codeOf(checkWord([yes], ofOtherBytes, usual))).toBe('approval.payload-mismatch');
    const forged = { ...say(oskar, 'WITHDRAW'), statement: withdrawal.statement };
    expect(codeOf(checkWord([yes], forged, usual))).toBe('approval.bad-signature');
  });

  it('stays withdrawn: not by the old approval, not by a new one, not when the withdrawal has expired', () => {
    const again = say(omar, 'APPROVE', { expiresAt: '2030-01-01T00:00:00.000Z' });
    for (const word of [yes, again, withdrawal]) {
      expect(codeOf(checkWord([yes, withdrawal], word, usual))).toBe('approval.withdrawn');
    }
    const brief = say(omar, 'WITHDRAW', { expiresAt: AT });
    expect(count([yes, brief, alsoYes], { ...usual, at: LATER })).toBe('approval.quorum-not-met');
  });
});

describe('a rejection', () => {
  const no = say(omar, 'REJECT');

  it('is taken from whoever has approved, and from whoever has withdrawn', () => {
    for (const words of [[], [yes], [yes, withdrawal], [alsoYes]]) {
      expect(codeOf(checkWord(words, no, usual))).toBe('accepted');
    }
  });

  it('ends the intent, whatever its member says besides, and in whichever order', () => {
    for (const words of [
      [alsoYes, yes, no],
      [no, alsoYes, yes],
      [yes, withdrawal, no, alsoYes],
      [no, alsoYes, yes, withdrawal],
    ]) {
      expect(count(words)).toBe('approval.rejected');
      expect(codeOf(checkQuorum(TWO_OPERATORS, proposal, words, usual))).toBe('approval.rejected');
    }
  });
});

describe('an approval whose member or key is no longer in force', () => {
  it('counts no more, and leaves the others standing', () => {
    const newKey = makeMember('omar', 'operator').keys;
    for (const members of [
      everybody.filter(({ id }) => id !== 'omar'),
      everybody.map((member) =>
        member.id === 'omar' ? { ...member, keys: newKey.map((k) => ({ ...k, id: 'omar-2' })) } : member,
      ),
      everybody.map((member) => ({
        ...member,
        keys: member.keys.map((key) => (key.id === 'omar-1' ? { ...key, expiresAt: '2026-01-02T03:04:04.999Z' } : key)),
      })),
    ]) {
      const context = contextOf(members);
      expect(standingWords([yes, alsoYes], context)).toEqual([alsoYes]);
      expect(count([yes, alsoYes], context)).toBe('approval.quorum-not-met');
      // who is handed all of them refuses the whole
      expect(codeOf(checkQuorum(TWO_OPERATORS, proposal, [yes, alsoYes], context))).toMatch(
        /^approval\.(unknown-member|unknown-key|key-expired)$/,
      );
    }
  });

  it('is given anew with another key, or when it has expired', () => {
    const brief = say(omar, 'APPROVE', { expiresAt: AT });
    expect(codeOf(checkWord([brief], yes, usual))).toBe('approval.duplicate');
    expect(codeOf(checkWord([brief], yes, { ...usual, at: LATER }))).toBe('accepted');
  });

  it('is not passed over when it was never good', () => {
    const forged = { ...alsoYes, statement: yes.statement };
    expect(count([forged, alsoYes])).toBe('approval.bad-signature');
  });
});

describe('a key with an end', () => {
  it('decides up to that instant and not after it', () => {
    const members = everybody.map((member) => ({
      ...member,
      keys: member.keys.map((key) => ({ ...key, expiresAt: AT })),
    }));
    expect(count([yes, alsoYes], contextOf(members))).toBe('accepted');
    expect(codeOf(checkQuorum(TWO_OPERATORS, proposal, [yes, alsoYes], contextOf(members, { at: LATER })))).toBe(
      'approval.key-expired',
    );
  });
});

describe('one person with two devices', () => {
  it('counts once, whichever devices they are', () => {
    const passkey = SoftPasskey.make('omar-passkey');
    const members = everybody.map((member) =>
      member.id === 'omar' ? { ...member, keys: [...member.keys, passkey.key] } : member,
    );
    const context = contextOf(members);
    const byPasskey = passkey.say({ ...yes.statement, key: 'omar-passkey' });
    expect(codeOf(checkWord([], byPasskey, context))).toBe('accepted');
    expect(codeOf(checkWord([yes], byPasskey, context))).toBe('approval.duplicate');
    expect(codeOf(checkQuorum(TWO_OPERATORS, proposal, [yes, byPasskey], context))).toBe('approval.duplicate');
    expect(codeOf(checkQuorum(TWO_OPERATORS, proposal, [byPasskey, alsoYes], context))).toBe('accepted');
  });

  it('is not taken for the other: each key signs in its own scheme', () => {
    const passkey = SoftPasskey.make('omar-passkey');
    const members = everybody.map((member) =>
      member.id === 'omar' ? { ...member, keys: [...member.keys, passkey.key] } : member,
    );
    const context = contextOf(members);
    const p256AsPasskey = say(omar, 'APPROVE');
    const underPasskey = { ...p256AsPasskey, statement: { ...yes.statement, key: 'omar-passkey' } };
    expect(codeOf(checkWord([], underPasskey, context))).toBe('approval.scheme-mismatch');
    expect(codeOf(checkWord([], passkey.say(yes.statement), context))).toBe('approval.scheme-mismatch');
  });
});
