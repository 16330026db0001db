import { refused, type Result } from '@bulkhead/intent';
import type { Combination } from './combinations.js';

/** What a set of policies must hold to on every combination of facts. The invariants are code besides. */
export type Claim = 'walls' | 'floor-quorum' | 'reachable-quorum' | 'no-error';

/** A transfer that the policies would permit and must not. */
export interface CounterExample {
  readonly claim: Claim;
  readonly says: string;
  readonly policies: readonly string[];
  readonly transfer: Combination;
}

export const refuseBy = ({ claim, says, policies, transfer }: CounterExample): Result<never> =>
  refused('policy.counter-example', says, {
    claim,
    policies: policies.join(', '),
    transfer: JSON.stringify(transfer),
  });
