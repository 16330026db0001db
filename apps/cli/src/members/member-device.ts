import { signStatement, type Approval, type Decision } from '@bulkhead/approval';
import type { Digest } from '@bulkhead/intent';

const STATEMENT_LIFE_MS = 3_600_000;

/** What a statement is about. */
export interface StatementTerms {
  readonly firm: Digest;
  readonly intent: Digest;
  readonly payload: Digest;
  readonly charterSequence: number;
}

/** A member's own device: it holds the member's key and token and signs what the member says. */
export class MemberDevice {
  constructor(
    readonly id: string,
    private readonly key: string,
    private readonly privateKeyPem: string,
    readonly apiToken: string,
  ) {}

  say(decision: Decision, terms: StatementTerms): Approval {
    const { firm, intent, payload, charterSequence } = terms;
    const expiresAt = new Date(Date.now() + STATEMENT_LIFE_MS).toISOString();
    return signStatement(
      { v: 1, decision, firm, intent, payload, charterSequence, member: this.id, key: this.key, expiresAt },
      this.privateKeyPem,
    );
  }
}
