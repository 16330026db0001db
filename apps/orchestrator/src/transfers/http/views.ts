import { firmHead, type CharterState } from '@bulkhead/charter';
import {
  accepted,
  amountSchema,
  OWNER_SWAP,
  assetIdSchema,
  digestSchema,
  payloadSchema,
  slugSchema,
  transferIntentSchema,
  uuidSchema,
} from '@bulkhead/intent';
import { spendFacts, swapFacts } from '@bulkhead/policy';
import { approvalSchema, DECISIONS } from '@bulkhead/approval';
import { z } from 'zod';
import type { TransferRow } from '../persistence/entities.js';
import { TRANSFER_STATES } from '../core/transitions.js';

const movementSchema = z.strictObject({
  address: z.string(),
  asset: assetIdSchema,
  amount: amountSchema,
  kind: z.string(),
});

export const transferViewSchema = z.strictObject({
  id: uuidSchema,
  state: z.enum(TRANSFER_STATES),
  intent: transferIntentSchema,
  intentDigest: digestSchema,
  /** The initiator's signature over the intent. */
  proposal: approvalSchema,
  payload: payloadSchema.nullable(),
  payloadDigest: digestSchema.nullable(),
  /** What the bytes would do, decoded from them by the code that checks them. */
  decoded: z
    .strictObject({
      sources: z.array(z.strictObject({ resource: z.string(), address: z.string() })),
      outputs: z.array(movementSchema),
      fee: z.strictObject({ asset: assetIdSchema, amount: amountSchema }),
      /** Of an owner swap: which owner of the Safe goes, and which comes in its place. */
      swap: z.strictObject({ retiring: z.string(), incoming: z.string() }).nullable(),
    })
    .nullable(),
  /** What an approval of these bytes names; null while there are none. */
  toApprove: z
    .strictObject({ firm: digestSchema, intent: digestSchema, payload: digestSchema, charterSequence: z.int() })
    .nullable(),
  /** Every word given on it; `stands` when it counts as things are now: not withdrawn, member and key in force, in time. */
  approvals: z.array(z.strictObject({ member: slugSchema, decision: z.enum(DECISIONS), stands: z.boolean() })),
  txId: z.string().nullable(),
  refusal: z.strictObject({ code: z.string(), detail: z.string(), facts: z.record(z.string(), z.string()) }).nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type TransferView = z.infer<typeof transferViewSchema>;

export function transferView(
  state: CharterState,
  row: TransferRow,
  approvals: TransferView['approvals'],
): TransferView {
  const intentDigest = row.intentDigest as TransferView['intentDigest'];
  const payloadDigest = row.payloadDigest as TransferView['payloadDigest'];
  return {
    id: row.id,
    state: row.state,
    intent: row.intent,
    intentDigest,
    proposal: row.proposal,
    payload: row.payload,
    payloadDigest,
    decoded: decodedFrom(state, row),
    toApprove: payloadDigest && {
      firm: state.firm,
      intent: intentDigest,
      payload: payloadDigest,
      charterSequence: firmHead(state).sequence,
    },
    approvals,
    txId: row.txId,
    refusal: row.refusal && { ...row.refusal, facts: { ...row.refusal.facts } },
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

function decodedFrom(state: CharterState, { payload, purpose }: TransferRow): TransferView['decoded'] {
  if (!payload) return null;
  const swapped = purpose === OWNER_SWAP && payload.kind === 'safe-tx' ? swapFacts(payload) : undefined;
  if (swapped?.ok === false) return null;
  const facts = swapped ? accepted(swapped.value.facts) : spendFacts(state, payload);
  if (!facts.ok) return null;
  const { sources, outputs, fee } = facts.value;
  const swap = swapped && { retiring: swapped.value.swap.retiring, incoming: swapped.value.swap.incoming };
  return {
    sources: [...sources],
    outputs: outputs.map((output) => ({ ...output, amount: output.amount.toString() })),
    fee: { asset: fee.asset, amount: fee.amount.toString() },
    swap: swap ?? null,
  };
}
