/**
 * The life of a transfer: every state and every way out of it, in this one table (docs/architecture.md, "States of a
 * transfer"). A transition that is not here cannot be written. The short ways to BROADCAST are for a database that was
 * restored from a copy of before: the chain has the very bytes, so that a quorum has signed them.
 */
export const TRANSITIONS = {
  /** The intent is signed by its initiator and stands on its own. */
  PROPOSED: ['SCREENED', 'REFUSED', 'EXPIRED'],
  /** Bytes are built, decoded back, and break no rule; what they use up is reserved. */
  SCREENED: ['PENDING_APPROVAL'],
  PENDING_APPROVAL: ['READY', 'REJECTED', 'CANCELLED', 'REPLACED', 'EXPIRED', 'BROADCAST'],
  /** The quorum has approved these bytes. */
  READY: ['SIGNING', 'FAILED', 'EXPIRED', 'BROADCAST'],
  /** From here on a signer may have signed: what is reserved is never used for anything else. */
  SIGNING: ['SIGNED', 'FAILED', 'BROADCAST'],
  /** Complete: it can no longer be called off, only sent. */
  SIGNED: ['BROADCAST'],
  BROADCAST: ['CONFIRMING', 'FAILED'],
  CONFIRMING: ['SETTLED', 'BROADCAST', 'FAILED'],
  /** Deep enough in the chain; a deeper reorg still takes it back. */
  SETTLED: ['BROADCAST'],
  REFUSED: [],
  REJECTED: [],
  CANCELLED: [],
  /** Another intent stands in its place; its initiator has rejected this one, signed, so that no signer takes it. */
  REPLACED: [],
  EXPIRED: [],
  /** Signers refused it, or the chain executed it and it failed; a reorg can take the latter back. */
  FAILED: ['BROADCAST'],
} as const satisfies Record<string, readonly string[]>;

export type TransferState = keyof typeof TRANSITIONS;
export const TRANSFER_STATES = Object.keys(TRANSITIONS) as TransferState[];

export const mayBecome = (from: TransferState, to: TransferState): boolean =>
  (TRANSITIONS[from] as readonly TransferState[]).includes(to);

/** States in which a worker still has something to do. */
export const WORKED_STATES: readonly TransferState[] = ['READY', 'SIGNING', 'SIGNED', 'BROADCAST', 'CONFIRMING'];
/** States in which, as far as is known here, nothing was sent. */
export const UNSENT_STATES: readonly TransferState[] = ['PENDING_APPROVAL', 'READY', 'SIGNING', 'SIGNED'];
/** States that hold coins or a nonce. */
export const LIVE_STATES: readonly TransferState[] = ['PROPOSED', 'SCREENED', 'PENDING_APPROVAL', ...WORKED_STATES];
/** Ends before any signer was asked: what was reserved is free again. */
export const RELEASING_STATES: readonly TransferState[] = ['REFUSED', 'REJECTED', 'CANCELLED', 'REPLACED', 'EXPIRED'];
