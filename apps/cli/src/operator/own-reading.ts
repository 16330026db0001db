import { approvalSchema } from '@bulkhead/approval';
import { firmHead, type CharterState } from '@bulkhead/charter';
import { OWNER_SWAP, payloadDigest, payloadSchema, transferIntentSchema, type Result } from '@bulkhead/intent';
import { checkIntent, checkInvariants, type CheckedTransfer } from '@bulkhead/policy';
import { z } from 'zod';
import { termsOn, type TransferView } from '../api/custody-client.js';
import { amountText } from '../recover/show-kit.js';
import { Failure } from '../stack/index.js';

/** Of what the orchestrator shows, the parts that a word is given on; all else that it says of a transfer is left out. */
const shownSchema = z.object({
  intent: transferIntentSchema,
  proposal: approvalSchema,
  payload: payloadSchema.nullable(),
});

/** A transfer as the member's own device reads it. */
export interface OwnReading {
  /** What is signed: the terms are of the intent and the bytes that were read, computed here. */
  readonly view: TransferView;
  /** What the bytes do, or why nobody may say yes to them. */
  readonly checked: Result<CheckedTransfer>;
  /** The same for people, a line each. */
  readonly lines: readonly string[];
}

/**
 * Reads a transfer by the charter that this device has verified itself, with the very checks that signers make: neither
 * the orchestrator's decoding nor the digests that it names are looked at.
 *
 * @param id the transfer that the member means
 * @param at RFC 3339 instant by the device's own clock
 * @throws Failure when it is another transfer, or nothing that could be signed
 */
export function readTransfer(state: CharterState, id: string, shown: TransferView, at: string): OwnReading {
  const parsed = shownSchema.safeParse(shown);
  if (!parsed.success) throw new Failure(`What is shown as transfer ${id} cannot be read.`, 'Nothing was signed.');
  const { intent, proposal, payload } = parsed.data;
  if (intent.id !== id || intent.firm !== state.firm) {
    throw new Failure(`Another intent is shown as transfer ${id}: ${intent.id}.`, 'Nothing was signed.');
  }
  if (!payload) throw new Failure(`Transfer ${id} is ${shown.state}: there are no bytes to approve or reject.`);
  const toApprove = termsOn({ intent, payload }, firmHead(state).sequence);
  const sound = checkIntent(state, intent, proposal, at);
  const checked = sound.ok ? checkInvariants(state, sound.value, payload) : sound;
  const lines = [
    `bytes    ${payloadDigest(payload)}`,
    `  proposed by ${intent.initiator}, for ${intent.owner}: ${intent.purpose}${intent.memo ? `, "${intent.memo}"` : ''}`,
    ...(checked.ok
      ? deeds(state, checked.value)
      : [`  DO NOT HOLD ${checked.refusal.code}: ${checked.refusal.detail}`]),
  ];
  return { view: { ...shown, id, intent, proposal, payload, toApprove }, checked, lines };
}

function deeds(state: CharterState, { intent, facts, verdict }: CheckedTransfer): string[] {
  const [, retiring, incoming] = intent.purpose === OWNER_SWAP ? facts.call.arguments : [];
  return [
    ...facts.sources.map(({ address }) => `  spends from ${address}`),
    ...verdict.payments.map(
      ({ address, asset, amount }) => `  pays        ${address}  ${amountText(state, asset, amount)}`,
    ),
    ...verdict.change.map(
      ({ address, asset, amount }) => `  keeps       ${address}  ${amountText(state, asset, amount)}`,
    ),
    ...(retiring === undefined ? [] : [`  takes from the owners   ${retiring}`]),
    ...(incoming === undefined ? [] : [`  puts in its place       ${incoming}`]),
    `  network fee ${amountText(state, facts.fee.asset, facts.fee.amount)}`,
  ];
}
