import { isOutage, type Refusal } from '@bulkhead/intent';
import type { TransferPatch } from './transfer-store.js';

export type Collected =
  /** A quorum has signed: what can be sent. */
  | { readonly kind: 'COMPLETE'; readonly patch: TransferPatch }
  /** Some signers did not answer; those that can still make a quorum are asked again later. */
  | { readonly kind: 'WAITING'; readonly refusal: Refusal }
  /** So many signers have refused that a quorum is out of reach. */
  | { readonly kind: 'REFUSED'; readonly refusal: Refusal };

/**
 * Codes that say "not now", besides those of machines that are away: a charter that has yet to arrive, a key that the
 * charter has and the token lacks, as when its folder is not mounted, the rejection of what this replaces on its way,
 * and what is left of a signing that was cut off.
 */
const NOT_NOW: ReadonlySet<string> = new Set<Refusal['code']>([
  'charter.behind',
  'charter.delay-not-over',
  'charter.gap',
  'destination.cooling',
  'intent.replaced-stands',
  'keys.not-found',
  'signer.frozen-locally',
  'signer.wrong-token',
  'mpc.group-locked',
  'mpc.group-unknown',
  'mpc.nonces-used',
]);
export const isNotNow = (refusal: Refusal): boolean => isOutage(refusal) || NOT_NOW.has(refusal.code);
