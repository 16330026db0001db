import { setTimeout as sleep } from 'node:timers/promises';
import { ApiRefusal } from '../../apps/cli/src/api/api-client.js';
import type { CustodyClient, TransferView } from '../../apps/cli/src/api/custody-client.js';
import type { MemberDevice } from '../../apps/cli/src/members/member-device.js';

const LOOK_EVERY_MS = 200;

export interface PeopleElsewhere {
  readonly client: CustodyClient;
  /** Who approves acts of the charter. */
  readonly acts: readonly MemberDevice[];
  /** Who approves transfers. */
  readonly transfers: readonly MemberDevice[];
}

/** People at devices of their own, who approve whatever waits. @returns what sends them home; it gives all they have approved */
export function peopleElsewhere({ client, acts, transfers }: PeopleElsewhere): () => Promise<readonly string[]> {
  const [first] = acts;
  if (!first) throw new Error('nobody');
  const approved: string[] = [];
  const home = new AbortController();
  const actsThatWait = async (): Promise<void> => {
    for (const { id, status, approvals, intent } of await client.charterIntents(first)) {
      for (const device of status === 'PENDING_APPROVAL' ? acts : []) {
        if (approvals.some(({ member }) => member === device.id)) continue;
        const { status: now } = await client.approveAct(device, { id, intent });
        approved.push(`${device.id}: ${intent.act.kind}`);
        if (now !== 'PENDING_APPROVAL') break;
      }
    }
  };
  const transfersThatWait = async (): Promise<void> => {
    for (const view of await client.api.get<TransferView[]>('/v1/transfers', first.apiToken)) {
      for (const device of view.state === 'PENDING_APPROVAL' ? transfers : []) {
        if (view.approvals.some(({ member }) => member === device.id)) continue;
        const { state } = await client.approveTransfer(device, await client.transfer(device, view.id));
        approved.push(`${device.id}: ${view.intent.purpose} of ${view.intent.wallet}`);
        if (state !== 'PENDING_APPROVAL') break;
      }
    }
  };
  const work = (async (): Promise<void> => {
    while (!home.signal.aborted) {
      for (const look of [actsThatWait, transfersThatWait]) await look().catch(unlessRefused);
      await sleep(LOOK_EVERY_MS);
    }
  })();
  return async () => {
    home.abort();
    await work;
    return approved;
  };
}

/** What was decided, or moved on, while they looked at it. */
function unlessRefused(error: unknown): void {
  if (!(error instanceof ApiRefusal)) throw error;
}
