import type { Owner } from '@bulkhead/charter';
import {
  NO_HISTORY,
  VELOCITY_SUBJECTS,
  WINDOW_NAMES,
  type ApprovedTransfer,
  type History,
  type Parties,
} from '@bulkhead/policy';

/**
 * What a yes rests on, for its record: the policies that permit it, the quorums that they name and the people who met
 * them, the fee, whose every input, output and change is and who pays the fee (with their estates), and, where policies ask
 * for it, what was counted as spent before (smallest unit / number of transfers).
 */
export function decisionFacts(
  { policies, approvers, facts: { fee } }: ApprovedTransfer,
  { inputs, outputs, change, feePayer }: Parties,
  history: History,
): Readonly<Record<string, string>> {
  return {
    policies: policies.permits.join(', '),
    quorums: policies.quorums.join(', '),
    approvers: approvers.join(', '),
    fee: `${fee.amount} ${fee.asset}`,
    inputs: inWords(inputs),
    outputs: inWords(outputs),
    change: inWords(change),
    ...(feePayer && { feePayer: inWords([feePayer]) }),
    ...(history === NO_HISTORY ? {} : velocityFacts(history)),
  };
}

const inWords = (owners: readonly Owner[]): string => owners.map(({ id, estate }) => `${id} ${estate}`).join(', ');

const velocityFacts = ({ velocity }: History): Record<string, string> =>
  Object.fromEntries(
    VELOCITY_SUBJECTS.map((subject) => [
      `velocity.${subject}`,
      WINDOW_NAMES.map((window) => {
        const { amount, count } = velocity[subject][window];
        return `${window} ${amount}/${count}`;
      }).join(', '),
    ]),
  );
