import { checkQuorum, type Approval, type ApprovalContext } from '@bulkhead/approval';
import type { CharterState } from '@bulkhead/charter';
import { intentDigest, orThrow, RefusalError, type Digest } from '@bulkhead/intent';
import {
  approvalContext,
  checkTransfer,
  freshAttestations,
  type CheckedIntent,
  type History,
  type TransferRequest,
} from '@bulkhead/policy';
import type { TransferRow } from '../persistence/entities.js';

/** What the words on a transfer are checked against, now. */
export const contextOf = (state: CharterState, { intent, payloadDigest }: TransferRow): ApprovalContext =>
  approvalContext(state, intent, intentDigest(intent), payloadDigest as Digest, new Date().toISOString());

/** The transfer as it is put to a signer: with the words that count, and what attestors say of it that is not too old. */
export function requestOf(
  state: CharterState,
  { id, intent, proposal, payload, attestations, state: reached }: TransferRow,
  approvals: readonly Approval[],
  at: string,
): TransferRequest {
  if (!payload) throw new Error(`transfer ${id} is ${reached} without a payload`);
  return {
    intent,
    proposal,
    payload,
    approvals: [...approvals],
    attestations: freshAttestations(state, attestations, at),
  };
}

/** Whether the approvals are enough. Throws the refusal of one that cannot count. */
export function isComplete(
  state: CharterState,
  { proposal, payload, approvals, attestations }: TransferRequest,
  checked: CheckedIntent,
  history: History,
  context: ApprovalContext,
): boolean {
  const { quorum } = orThrow(checkTransfer(state, checked, payload, context.at, { ...history, attestations })).policies;
  const counted = checkQuorum(quorum, proposal, approvals, context);
  if (!counted.ok && counted.refusal.code !== 'approval.quorum-not-met') throw new RefusalError(counted.refusal);
  return counted.ok;
}
