import { RefusalError, type Payload, type Refusal, type Result } from '@bulkhead/intent';

/** The refusal of bytes by policies alone: the bytes are kept with it, so that a back-test can ask about them again. */
export class RefusedBytes extends RefusalError {
  constructor(
    refusal: Refusal,
    readonly payload: Payload,
  ) {
    super(refusal);
  }
}

/** What was decided on these bytes, or its refusal thrown: with the bytes, where it was the policies that said no. */
export function decidedOn<T>(payload: Payload, decision: Result<T>): T {
  if (decision.ok) return decision.value;
  const { refusal } = decision;
  throw refusal.code.startsWith('policy.') ? new RefusedBytes(refusal, payload) : new RefusalError(refusal);
}
