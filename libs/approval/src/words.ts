import { accepted, refused, type RefusalCode, type Result } from '@bulkhead/intent';
import { checkApproval, type ApprovalContext } from './quorum.js';
import type { Approval } from './statement.js';

/** What makes a word that was good when it was given count no more: who gave it, or with what, is no longer in force. */
const LAPSED: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'approval.unknown-member',
  'approval.unknown-key',
  'approval.key-expired',
  'approval.member-expired',
  'approval.expired',
]);

const withdrawnBy = (words: readonly Approval[]): ReadonlySet<string> =>
  new Set(words.filter(({ statement }) => statement.decision === 'WITHDRAW').map(({ statement }) => statement.member));

/**
 * Of the words that were taken on an intent, those that count now: not withdrawn (a REJECT never is), by members and keys that are still in
 * the charter, in time. Whoever has taken a word back stays out of it, even when the key that took it back is gone.
 */
export function standingWords(words: readonly Approval[], context: ApprovalContext): Approval[] {
  const withdrawn = withdrawnBy(words);
  return words.filter((word) => {
    const { decision, member } = word.statement;
    if (decision === 'WITHDRAW' || (withdrawn.has(member) && decision !== 'REJECT')) return false;
    const checked = checkApproval(word, context);
    return checked.ok || !LAPSED.has(checked.refusal.code);
  });
}

/**
 * Whether a member may add this word to those that were taken before. A REJECT always: one ends the intent, whatever its
 * member has said before. A person has one approval that stands; it can be withdrawn, and then that person approves this
 * intent no more: the old approval, sent again, would look the same.
 */
export function checkWord(words: readonly Approval[], word: Approval, context: ApprovalContext): Result<true> {
  const checked = checkApproval(word, context);
  if (!checked.ok) return checked;
  const { member, decision } = checked.value;
  const facts = { member, decision };
  if (decision === 'PROPOSE') {
    return refused('approval.malformed', 'Send an APPROVE, REJECT or WITHDRAW statement.', facts);
  }
  if (decision === 'REJECT') return accepted(true);
  if (withdrawnBy(words).has(member)) {
    return refused('approval.withdrawn', 'This member has withdrawn from this intent.', facts);
  }
  const personOf = (id: string): string => context.members.get(id)?.person ?? id;
  const standing = standingWords(words, context).filter(({ statement }) => {
    return personOf(statement.member) === personOf(member);
  });
  if (decision === 'WITHDRAW') {
    return standing.some(({ statement }) => statement.member === member)
      ? accepted(true)
      : refused('approval.nothing-to-withdraw', 'This member has no approval that stands.', facts);
  }
  return standing.length === 0
    ? accepted(true)
    : refused('approval.duplicate', 'This person has given their word on this intent already.', facts);
}
