import { accepted, refused, ZERO_DIGEST, type Digest, type Result } from '@bulkhead/intent';
import { decisionHash, verifyDecision, type SignedDecision } from './decision-record.js';

/** How many decisions a signer has made, and the hash of the last. */
export interface DecisionTip {
  readonly count: number;
  readonly hash: Digest;
}

export const NO_DECISIONS: DecisionTip = { count: 0, hash: ZERO_DIGEST };

/**
 * Follows a signer's chain of decisions: each is by this signer, at the next place, and names the one before it.
 *
 * @param signer as the charter names it: the fingerprint is SHA-256 of its certificate, hex
 * @returns the tip after them; `signer.decision-invalid` names the place where something is missing, changed or forged
 */
export function followDecisions(
  tip: DecisionTip,
  decisions: readonly SignedDecision[],
  signer: { readonly id: string; readonly tlsFingerprint: string },
): Result<DecisionTip> {
  let { count, hash } = tip;
  for (const decision of decisions) {
    const { record } = decision;
    const broken = (problem: string): Result<never> =>
      refused('signer.decision-invalid', 'The signer’s record is not one chain.', {
        signer: signer.id,
        position: String(count),
        problem,
      });
    if (record.position !== count) return broken(`decision ${record.position} stands at this place`);
    if (record.previous !== hash) return broken('it does not follow from the one before it');
    const verified = verifyDecision(decision, signer);
    if (!verified.ok) return broken(verified.refusal.facts['problem'] ?? verified.refusal.detail);
    count += 1;
    hash = decisionHash(record);
  }
  return accepted({ count, hash });
}
