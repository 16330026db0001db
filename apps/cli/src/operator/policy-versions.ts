import { applyEntry, entryHash, type Act, type CharterState, type Policy } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import { Failure } from '../stack/index.js';
import { charterEntries } from './charter-replica.js';
import type { Session } from './session.js';

/** A policy as it was from one entry of its chain on; undefined: not in force. */
interface Version {
  readonly sequence: number;
  readonly policy: Policy | undefined;
}

/** The act that brings back what was in force, worked out from the verified log. */
export async function actBack(session: Session, id: string, to: string | undefined): Promise<Act> {
  const versions = await versionsOf(session, id);
  const now = versions.at(-1)?.policy;
  const wanted = to === undefined ? versions.at(-2) : versions.findLast(({ sequence }) => sequence <= placeOf(to));
  if (versions.length === 0) throw new Failure(`No policy ${id} was ever in force.`, 'See: bulkhead policy list');
  if (!now && !wanted?.policy) throw new Failure(`${id} is not in force, nor was it then.`, 'There is nothing to do.');
  if (now && now.text === wanted?.policy?.text) {
    throw new Failure(`${id} reads now as it did then.`, 'Choose an earlier place with --to.');
  }
  const removed = now ? undefined : versions.at(-2)?.policy;
  if (removed && removed.text !== wanted?.policy?.text) {
    throw new Failure(
      `${id} was removed, and comes back only as it was then.`,
      'Leave --to out; go further back after.',
    );
  }
  return wanted?.policy ? { kind: 'policy.set', ...wanted.policy } : { kind: 'policy.remove', id };
}

function placeOf(to: string): number {
  if (!/^\d{1,9}$/.test(to)) throw new Failure(`"${to}" is no place in a chain.`, 'See: bulkhead charter entries');
  return Number(to);
}

async function versionsOf(session: Session, id: string): Promise<Version[]> {
  const versions: Version[] = [];
  let state: CharterState | undefined;
  for (const { entry } of await charterEntries(session)) {
    if (!state && entryHash(entry) !== session.firm) {
      throw new Failure('The orchestrator shows the charter of another firm.', 'Trust nothing that it shows.');
    }
    const next = orThrow(applyEntry(state, entry));
    const policy = next.policies.get(id);
    if (policy !== state?.policies.get(id)) versions.push({ sequence: entry.intent.sequence, policy });
    state = next;
  }
  return versions;
}
