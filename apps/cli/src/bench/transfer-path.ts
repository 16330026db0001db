import { setTimeout as sleep } from 'node:timers/promises';
import type { Approval } from '@bulkhead/approval';
import { toDecideOn, type TransferWish } from '../api/custody-client.js';
import type { Cast } from '../story/cast.js';
import { inParallel } from './in-parallel.js';

/** Requests that the members have under way at once. */
const CONCURRENCY = 16;
/** Seldom: who looks takes time from what is looked at, and when it was done is written there. */
const LOOK_EVERY_MS = 250;
const PATIENCE_MS = 60_000;
/** As many as the development stack asks for. */
const CONFIRMATIONS = 2;
/** States after which a transfer will not be signed any more. */
const ENDS: readonly string[] = ['REFUSED', 'REJECTED', 'CANCELLED', 'REPLACED', 'EXPIRED', 'FAILED'];

/** A transfer that lacks one approval, and that approval, signed and ready to be sent. */
export interface ReadyTransfer {
  readonly id: string;
  readonly completing: Approval;
}

export interface Batch {
  readonly transfers: number;
  /** From the first completing approval being sent until the last transfer was written as SIGNED. */
  readonly elapsedMs: number;
}

interface Transition {
  readonly to: string;
  readonly at: string;
}

/** Proposes transfers, has each approved by the first of two members, and has the second sign but not send. */
export async function prepareTransfers(cast: Cast, wishes: readonly TransferWish[]): Promise<ReadyTransfer[]> {
  return inParallel(wishes, CONCURRENCY, async (wish) => {
    const proposed = await cast.client.proposeTransfer(cast.olivia, wish);
    const view = await cast.client.approveTransfer(cast.omar, proposed);
    return { id: view.id, completing: cast.oskar.say('APPROVE', toDecideOn(view)) };
  });
}

/**
 * Sends the completing approvals and measures until every transfer has its quorum's signatures, verified and combined.
 * The end is read from the transitions that the orchestrator wrote: one machine, so one clock.
 * @throws Error naming the transfer that was not signed
 */
export async function signTransfers(cast: Cast, transfers: readonly ReadyTransfer[]): Promise<Batch> {
  const { api } = cast.client;
  const startedMs = Date.now();
  await inParallel(transfers, CONCURRENCY, ({ id, completing }) =>
    api.post(`/v1/transfers/${id}/approvals`, cast.oskar.apiToken, { approval: completing }),
  );
  let signedMs = startedMs;
  // the last is looked at first: when it is done, so are nearly all, and the path is left in peace until then
  for (const { id } of [...transfers].reverse()) signedMs = Math.max(signedMs, await reached(cast, id, 'SIGNED'));
  return { transfers: transfers.length, elapsedMs: signedMs - startedMs };
}

/** Mines until every transfer is settled: nothing of one batch is under way while the next is measured. */
export async function settleTransfers(cast: Cast, transfers: readonly ReadyTransfer[]): Promise<void> {
  const { bitcoind, anvil } = cast.stack;
  for (const { id } of transfers) await reached(cast, id, 'BROADCAST');
  await Promise.all([bitcoind.faucet.mine(CONFIRMATIONS), anvil.rpc.call('anvil_mine', `0x${CONFIRMATIONS}`)]);
  for (const { id } of transfers) await reached(cast, id, 'SETTLED');
}

/** @returns when the transfer came to a state, in ms since the epoch */
async function reached(cast: Cast, id: string, state: string): Promise<number> {
  for (const end = Date.now() + PATIENCE_MS; ;) {
    const history = await cast.client.api.get<Transition[]>(`/v1/transfers/${id}/history`, cast.olivia.apiToken);
    const found = history.find(({ to }) => to === state);
    if (found) return Date.parse(found.at);
    const last = history.at(-1)?.to ?? 'unknown';
    if (ENDS.includes(last) || Date.now() > end) {
      const { refusal } = await cast.client.transfer(cast.olivia, id);
      throw new Error(`transfer ${id} is ${last}, not ${state}: ${refusal?.code ?? ''} ${refusal?.detail ?? ''}`);
    }
    await sleep(LOOK_EVERY_MS);
  }
}
