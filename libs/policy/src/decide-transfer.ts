import { approvalSchema, checkProposal, checkQuorum, type Approval, type ApprovalContext } from '@bulkhead/approval';
import {
  canonicalAddress,
  checkCooled,
  checkNotFrozen,
  directoryOf,
  firmHead,
  type CharterState,
  type Owner,
  type Wallet,
} from '@bulkhead/charter';
import {
  accepted,
  chainOfAsset,
  checkLife,
  intentDigest,
  isDecimalAmount,
  OWNER_SWAP,
  parsePositiveAmount,
  payloadDigest,
  payloadSchema,
  refused,
  transferIntentSchema,
  type Digest,
  type Payload,
  type Result,
  type TransferIntent,
} from '@bulkhead/intent';
import { checkSpend, type SpendTerms, type SpendVerdict } from '@bulkhead/segregation';
import { z } from 'zod';
import { attestationSchema } from './attestation.js';
import { decidePolicies, type PolicyVerdict } from './cedar/decide.js';
import { checkOwnerSwap, checkSwapIntent, swapQuorum } from './decide-owner-swap.js';
import type { Evidence, History } from './evidence.js';
import { spendFacts, type PayloadFacts } from './spend-facts.js';

/** A transfer as it is put to a signer: the wish, the exact bytes, and who has said yes to both. */
export const transferRequestSchema = z.strictObject({
  intent: transferIntentSchema,
  proposal: approvalSchema,
  payload: payloadSchema,
  approvals: z.array(approvalSchema).max(50),
  /** What attestors say about it: each is verified, and one that does not hold refuses the whole. */
  attestations: z.array(attestationSchema).max(4).default([]),
});
export type TransferRequest = z.infer<typeof transferRequestSchema>;

/** An intent that stands on its own: known owner, wallet, asset, a sound amount and payee. */
export interface CheckedIntent {
  readonly intent: TransferIntent;
  readonly digest: Digest;
  readonly owner: Owner;
  readonly wallet: Wallet;
  readonly amount: bigint;
  readonly maxFee: bigint;
  /** The payee in its one canonical spelling. */
  readonly payee: string;
}

/** Bytes that agree with the intent and hold to every invariant, before policies are asked. */
export interface CheckedTransfer extends CheckedIntent {
  readonly facts: PayloadFacts;
  readonly verdict: SpendVerdict;
}

export interface TransferDecision extends CheckedTransfer {
  readonly payload: Payload;
  readonly payloadDigest: Digest;
  readonly policies: PolicyVerdict;
}

/** A transfer that may be signed. */
export interface ApprovedTransfer extends TransferDecision {
  /** The people whose approvals met the quorum. */
  readonly approvers: readonly string[];
}

/** Checks what can be checked before there are bytes: the intent against the charter, and its initiator's signature. */
export function checkIntent(
  state: CharterState,
  intent: TransferIntent,
  proposal: Approval,
  at: string,
): Result<CheckedIntent> {
  const digest = intentDigest(intent);
  if (intent.firm !== state.firm)
    return refused('intent.wrong-firm', 'The intent names another firm.', { firm: intent.firm });
  const living = checkLife(intent, at);
  if (!living.ok) return living;
  const owner = state.owners.get(intent.owner);
  if (!owner) return refused('charter.unknown-owner', 'No such owner in the charter.', { owner: intent.owner });
  const wallet = state.wallets.get(intent.wallet);
  if (wallet?.owner !== owner.id || wallet.kind === 'gas-payer') {
    return refused('charter.unknown-wallet', 'This owner has no such wallet to pay from.', { wallet: intent.wallet });
  }
  if (!state.assets.has(intent.asset) || chainOfAsset(intent.asset) !== wallet.chain) {
    return refused('asset.unknown', 'The asset is not listed, or not on the wallet’s chain.', { asset: intent.asset });
  }
  const swap = intent.purpose === OWNER_SWAP ? checkSwapIntent(state, intent, wallet) : undefined;
  if (swap?.ok === false) return swap;
  const amount = swap ? accepted(0n) : parsePositiveAmount(intent.asset, intent.amount);
  if (!amount.ok) return amount;
  if (!isDecimalAmount(intent.maxFee)) {
    return refused('amount.malformed', 'maxFee is a decimal string of the smallest unit.', { maxFee: intent.maxFee });
  }
  const payee = canonicalAddress(wallet.chain, intent.to);
  if (!payee.ok) return payee;
  const moving = checkNotFrozen(state, {
    owner: owner.id,
    wallet: wallet.id,
    payee: { chain: wallet.chain, address: payee.value },
  });
  if (!moving.ok) return moving;
  const { purpose } = intent;
  const payout = { owner: owner.id, chain: wallet.chain, payee: payee.value, proposedAt: intent.createdAt };
  const cooled = purpose === OWNER_SWAP ? accepted(true) : checkCooled(state, { ...payout, purpose }, at);
  if (!cooled.ok) return cooled;
  const opened = checkProposal(proposal, approvalContext(state, intent, digest, digest, at));
  if (!opened.ok) return opened;
  const maxFee = BigInt(intent.maxFee);
  return accepted({ intent, digest, owner, wallet, amount: amount.value, maxFee, payee: payee.value });
}

/**
 * The one question, "may these bytes be signed?", without the approvals: decoded facts, segregation, agreement of bytes
 * and intent, policies. The orchestrator asks it when it builds; the rest of {@link decideTransfer} needs it.
 *
 * @param at RFC 3339 instant by the decider's own clock.
 */
export function checkTransfer(
  state: CharterState,
  checked: CheckedIntent,
  payload: Payload,
  at: string,
  evidence: Evidence,
): Result<TransferDecision> {
  const transfer = checkInvariants(state, checked, payload);
  if (!transfer.ok) return transfer;
  const isSwap = checked.intent.purpose === OWNER_SWAP;
  const policies = isSwap ? swapQuorum(state) : decidePolicies(state, transfer.value, at, evidence);
  if (!policies.ok) return policies;
  return accepted({ ...transfer.value, payload, payloadDigest: payloadDigest(payload), policies: policies.value });
}

/** What no policy can widen. */
export function checkInvariants(
  state: CharterState,
  checked: CheckedIntent,
  payload: Payload,
): Result<CheckedTransfer> {
  const { intent, owner, wallet, payee } = checked;
  const { purpose } = intent;
  if (purpose === OWNER_SWAP) return checkOwnerSwap(state, checked, payload);
  const expectedKind = wallet.kind === 'safe' ? 'safe-tx' : 'psbt';
  if (payload.kind !== expectedKind || payload.chain !== wallet.chain) {
    return refused('transfer.payload-differs', 'The payload is not of the wallet’s kind and chain.', {
      wallet: wallet.id,
    });
  }
  const facts = spendFacts(state, payload);
  if (!facts.ok) return facts;
  const { limits } = state;
  const firmCap = BigInt(limits.maxFeeSat);
  const feeInvoices = new Map(limits.feeInvoices.map(({ asset, maxAmount }) => [asset, BigInt(maxAmount)]));
  const testPayments = new Map(limits.testPayments?.map(({ asset, maxAmount }) => [asset, BigInt(maxAmount)]));
  const terms: SpendTerms = {
    owner: owner.id,
    estate: owner.estate,
    wallet: wallet.id,
    purpose,
    payee,
    maxFee: checked.maxFee < firmCap ? checked.maxFee : firmCap,
    feeInvoiceCap: (asset) => feeInvoices.get(asset),
    testPaymentCap: (asset) => testPayments.get(asset),
  };
  const verdict = checkSpend(facts.value, terms, directoryOf(state));
  if (!verdict.ok) return verdict;
  const { resources } = verdict.value;
  const moving = checkNotFrozen(state, { owner: owner.id, wallet: wallet.id, resources });
  if (!moving.ok) return moving;
  const [payment, ...others] = verdict.value.payments;
  const agrees =
    payment?.asset === intent.asset &&
    payment.amount === checked.amount &&
    payment.kind === 'TRANSFER' &&
    others.length === 0;
  if (!agrees) {
    return refused('transfer.payload-differs', 'The bytes do not pay what the intent says.', {
      intended: `${intent.amount} ${intent.asset}`,
      paid: verdict.value.payments.map(({ amount, asset }) => `${amount} ${asset}`).join(', '),
    });
  }
  return accepted({ ...checked, facts: facts.value, verdict: verdict.value });
}

/**
 * The whole question, approvals included: what a signer asks itself before it records and signs.
 *
 * @param at RFC 3339 instant by the decider's own clock.
 * @param history what the decider itself remembers; the attestations are the request's own.
 */
export function decideTransfer(
  state: CharterState,
  request: TransferRequest,
  at: string,
  history: History,
): Result<ApprovedTransfer> {
  const { intent, proposal, payload, approvals, attestations } = request;
  const checked = checkIntent(state, intent, proposal, at);
  if (!checked.ok) return checked;
  const { velocity, testPaid } = history;
  const decision = checkTransfer(state, checked.value, payload, at, { velocity, testPaid, attestations });
  if (!decision.ok) return decision;
  const { quorum } = decision.value.policies;
  const context = approvalContext(state, intent, decision.value.digest, decision.value.payloadDigest, at);
  const approved = checkQuorum(quorum, proposal, approvals, context);
  return approved.ok ? accepted({ ...decision.value, approvers: approved.value.approvers }) : approved;
}

/** What approvals of a transfer are checked against. */
export const approvalContext = (
  state: CharterState,
  intent: TransferIntent,
  digest: Digest,
  payload: Digest,
  at: string,
): ApprovalContext => ({
  firm: state.firm,
  intent: digest,
  payload,
  initiator: intent.initiator,
  charterSequence: firmHead(state).sequence,
  charterSequenceExact: false,
  members: state.members,
  groups: state.groups,
  at,
});
