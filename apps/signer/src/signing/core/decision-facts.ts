import type { Owner } from '@bulkhead/charter';
import { refused, type Refusal, type Result } from '@bulkhead/intent';
import type { ApprovedTransfer, History, Parties, VelocityRead } from '@bulkhead/policy';

type Facts = Readonly<Record<string, string>>;

/**
 * What a yes rests on, for its record: the policies that permit it, the quorums that they name and the people who met
 * them, the fee, and whose every input, output and change is and who pays the fee, with their estates.
 */
export function decisionFacts(
  { policies, approvers, facts: { fee } }: ApprovedTransfer,
  { inputs, outputs, change, feePayer }: Parties,
): Facts {
  return {
    policies: policies.permits.join(', '),
    quorums: policies.quorums.join(', '),
    approvers: approvers.join(', '),
    fee: `${fee.amount} ${fee.asset}`,
    inputs: inWords(inputs),
    outputs: inWords(outputs),
    change: inWords(change),
    ...(feePayer && { feePayer: inWords([feePayer]) }),
  };
}

/**
 * Where policies ask for it: what was counted as spent before, as far as they read it (smallest unit / number of
 * transfers), and whether the payee had a test payment.
 */
export function historyFacts({ velocity, testPaid }: History, reads: readonly VelocityRead[]): Facts {
  const facts: Record<string, string> = { testPaid: String(testPaid) };
  for (const { subject, window } of reads) {
    const { amount, count } = velocity[subject][window];
    const known = facts[`velocity.${subject}`];
    facts[`velocity.${subject}`] = `${known === undefined ? '' : `${known}, `}${window} ${amount}/${count}`;
  }
  return facts;
}

/** A no of the policies rests on the past as well, besides its own facts. */
export const refusedOn = ({ code, detail, facts }: Refusal, past: Facts): Result<never> =>
  refused(code, detail, code.startsWith('policy.') ? { ...facts, ...past } : facts);

const inWords = (owners: readonly Owner[]): string => owners.map(({ id, estate }) => `${id} ${estate}`).join(', ');
