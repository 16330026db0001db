import type { CharterState, Governed } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { askPolicies, policiesInForce } from '../cedar/in-force.js';
import { requestOf, type Combination } from './combinations.js';
import { refuseBy } from './counter-example.js';
import { mayFind, quorumProblem, remembering, type QuorumCheck } from './joined-quorums.js';
import { payersOf } from './payers.js';
import { MOST_IN_ALL, trialOf, type Trial } from './trial.js';

/**
 * Refuses a change of members, groups or quorums that takes from a transfer, which the policies in force permit, quorums
 * that could be met together before and asked for no less than that of its purpose. What was amiss before does not count.
 * Transfers are tried only where some quorums that policies name could not come together any more.
 */
export function checkJoinedQuorums(before: CharterState, after: CharterState): Result<true> {
  const worsened = remembering((purpose, names) => {
    const problem = quorumProblem(after, purpose, names);
    return problem && !quorumProblem(before, purpose, names) ? problem : undefined;
  });
  let left = MOST_IN_ALL;
  for (const payer of payersOf(after, { owner: null, wallet: null })) {
    if (!mayFind(worsened, policiesInForce(after.policies, payer.owner, payer.wallet))) continue;
    const trial = trialOf(after, payer, left);
    left -= trial.combinations.length;
    const sound = checkTrial(worsened, trial);
    if (!sound.ok) return sound;
  }
  return accepted(true);
}

function checkTrial(worsened: QuorumCheck, { counted, combinations, notCovered }: Trial): Result<true> {
  for (const transfer of combinations) {
    const policies = permitsOf(counted, transfer);
    const names = policies.map((id) => counted.rules.get(id)?.quorum as Governed);
    const problem = names.length > 0 ? worsened(transfer.purpose, names) : undefined;
    if (problem) return refuseBy({ ...problem, policies, transfer });
  }
  return notCovered.length === 0
    ? accepted(true)
    : refused('policy.not-proven', 'It cannot be proven that the quorums of what policies permit can still be met.', {
        policy: [...counted.rules.keys()].slice(0, 20).join(', '),
        notCovered: notCovered.join('; ').slice(0, 500),
      });
}

/** An error is a no: nothing is permitted then. */
function permitsOf(counted: Trial['counted'], transfer: Combination): readonly string[] {
  const matches = askPolicies(counted, requestOf(transfer));
  return matches.ok ? matches.value.permits : [];
}
