import { applyEntry, entryHash, type CharterEntry, type CharterState } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import { Failure } from '../stack/index.js';
import type { Session } from './session.js';

const PAGE = 500;

export interface PlacedEntry {
  readonly position: string;
  readonly entry: CharterEntry;
}

/** Every entry of the orchestrator's log, in the order in which they were enacted. */
export async function charterEntries({ client, device }: Pick<Session, 'client' | 'device'>): Promise<PlacedEntry[]> {
  const all: PlacedEntry[] = [];
  for (;;) {
    const after = all.at(-1)?.position ?? '0';
    const path = `/v1/charter/entries?after=${after}&limit=${PAGE}`;
    const page = await client.api.get<PlacedEntry[]>(path, device.apiToken);
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

/**
 * The charter as the member's own device works it out from the log: every entry is verified by the reducer that the
 * signers run, and the genesis is the one of the ceremony. @throws Failure when the log is another firm's
 */
export async function replayCharter(session: Pick<Session, 'client' | 'device' | 'firm'>): Promise<CharterState> {
  let state: CharterState | undefined;
  for (const { entry } of await charterEntries(session)) {
    if (!state && entryHash(entry) !== session.firm) {
      throw new Failure('The orchestrator shows the charter of another firm.', 'Trust nothing that it shows.');
    }
    state = orThrow(applyEntry(state, entry));
  }
  if (!state) throw new Failure('The charter has no genesis yet.', 'Wait until the orchestrator has started.');
  return state;
}
