import { NO_HISTORY, VELOCITY_SUBJECTS, WINDOW_NAMES, type ApprovedTransfer, type History } from '@bulkhead/policy';

/**
 * What a yes rests on, for its record: the policies that permit it, the quorums that they name and the people who met
 * them, the fee, and, where policies ask for it, what was counted as spent before (smallest unit / number of transfers).
 */
export function decisionFacts(
  { policies, approvers, facts: { fee } }: ApprovedTransfer,
  history: History,
): Readonly<Record<string, string>> {
  return {
    policies: policies.permits.join(', '),
    quorums: policies.quorums.join(', '),
    approvers: approvers.join(', '),
    fee: `${fee.amount} ${fee.asset}`,
    ...(history === NO_HISTORY ? {} : velocityFacts(history)),
  };
}

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
