import type { Quorum } from '@bulkhead/approval';

/**
 * Nobody new may start it, and each way to meet it asks of every group at least as many as some way did before. So what
 * the tighter quorum has approved, the other one would have approved, too.
 */
export function isTighter(before: Quorum | undefined, after: Quorum): boolean {
  if (!before) return false;
  return (
    after.initiators.every((group) => before.initiators.includes(group)) &&
    after.anyOf.every((asked) =>
      before.anyOf.some((was) =>
        was.every(({ group, threshold }) => asked.some((one) => one.group === group && one.threshold >= threshold)),
      ),
    )
  );
}
