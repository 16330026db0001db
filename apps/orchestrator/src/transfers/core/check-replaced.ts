import type { Approval } from '@bulkhead/approval';
import { accepted, refused, type Result, type TransferIntent } from '@bulkhead/intent';
import type { TransferState } from './transitions.js';

/** What of a transfer decides whether another may stand in its place. */
interface Replaced {
  readonly state: TransferState;
  readonly intent: Pick<TransferIntent, 'owner' | 'wallet'>;
}

/**
 * Whether an intent may stand in the place of a transfer: one of the same wallet that waits for approvals, ended by the
 * initiator's own REJECT. One that signers may have signed is never replaced: both could be paid.
 *
 * @returns the transfer that is to end; undefined when the intent replaces none
 */
export function checkReplaced<T extends Replaced>(
  { replaces, owner, wallet, initiator }: TransferIntent,
  replaced: T | null,
  rejection: Approval | undefined,
): Result<T | undefined> {
  if (replaces === undefined) {
    return rejection === undefined
      ? accepted(undefined)
      : refused('intent.not-replaceable', 'A rejection comes with an intent that says what it replaces.');
  }
  if (replaced?.intent.owner !== owner || replaced.intent.wallet !== wallet) {
    return refused('intent.not-replaceable', 'The wallet has no transfer of the intent that this one replaces.', {
      replaces,
    });
  }
  if (replaced.state !== 'PENDING_APPROVAL') {
    return refused('intent.state', `The transfer to be replaced is ${replaced.state}.`, { state: replaced.state });
  }
  if (rejection?.statement.decision !== 'REJECT' || rejection.statement.member !== initiator) {
    return refused('intent.not-replaceable', 'Send the initiator’s own REJECT of the bytes that are replaced.', {
      replaces,
    });
  }
  return accepted(replaced);
}
