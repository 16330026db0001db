import { applyEntry, entryHash, type CharterEntry, type CharterState } from '@bulkhead/charter';
import { orThrow } from '@bulkhead/intent';
import { Failure } from '../stack/index.js';
import type { Session } from './session.js';

const PAGE = 500;

export interface PlacedEntry {
  readonly position: string;
  readonly entry: CharterEntry;
}

/**
 * Every entry of the orchestrator's log, in the order in which they were enacted.
 *
 * @param after the position that they follow; from the genesis on when it is not named
 */
export async function charterEntries(
  { client, device }: Pick<Session, 'client' | 'device'>,
  after = '0',
): Promise<PlacedEntry[]> {
  const all: PlacedEntry[] = [];
  for (;;) {
    const path = `/v1/charter/entries?after=${all.at(-1)?.position ?? after}&limit=${PAGE}`;
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
  return new CharterReader(session).now();
}

/** The same for a device that looks again and again: it takes what is new since it looked last. */
export class CharterReader {
  #state: CharterState | undefined;
  #position: string | undefined;

  constructor(private readonly session: Pick<Session, 'client' | 'device' | 'firm'>) {}

  /** @throws Failure when the log is another firm's */
  async now(): Promise<CharterState> {
    for (const { entry, position } of await charterEntries(this.session, this.#position)) {
      if (!this.#state && entryHash(entry) !== this.session.firm) {
        throw new Failure('The orchestrator shows the charter of another firm.', 'Trust nothing that it shows.');
      }
      this.#state = orThrow(applyEntry(this.#state, entry));
      this.#position = position;
    }
    if (!this.#state) throw new Failure('The charter has no genesis yet.', 'Wait until the orchestrator has started.');
    return this.#state;
  }
}
