import { mayInitiate, type Quorum } from '@bulkhead/approval';
import { quorumFor, type CharterState } from '@bulkhead/charter';
import { accepted, refused, type Result, type TransferIntent } from '@bulkhead/intent';

/**
 * The quorum that a transfer needs. Refused is at once what no approval could ever complete, so that it never holds a
 * coin: a purpose for which the charter names no quorum, and an initiator whose role may not start it.
 */
export function checkStart(state: CharterState, { purpose, initiator }: TransferIntent): Result<Quorum> {
  const quorum = quorumFor(state, `transfer.${purpose}`);
  if (!quorum) {
    return refused('segregation.purpose-not-allowed', 'The charter names no quorum for this purpose.', { purpose });
  }
  const member = state.members.get(initiator);
  return member && mayInitiate(quorum, member, state.groups)
    ? accepted(quorum)
    : refused('approval.not-eligible', 'This member’s role may not start this.', { member: initiator });
}
