import { randomUUID } from 'node:crypto';
import {
  applyEntry,
  chainOfAct,
  charterEntrySchema,
  entryHash,
  firmHead,
  type Act,
  type CharterEntry,
  type CharterState,
  intentAtEnd,
} from '@bulkhead/charter';
import { intentDigest, orThrow, type Digest } from '@bulkhead/intent';
import { z } from 'zod';
import type { MemberDevice } from '../members/member-device.js';
import { Failure } from '../stack/index.js';
import { codeAt, knock, type DoorAddress } from './door-client.js';

const HOUR_MS = 3_600_000;
const pageSchema = z.strictObject({ entries: z.array(charterEntrySchema), more: z.boolean() });

/**
 * The charter as one signer has it, worked out anew from its entries.
 *
 * @param firm hash of the genesis, from the ceremony. @throws Failure when it is the charter of another firm
 */
export async function charterAt(door: DoorAddress, firm: Digest): Promise<CharterState> {
  let state: CharterState | undefined;
  for (let query = '', more = true; more;) {
    const page = pageSchema.parse((await knock(door, 'GET', `/v1/charter/entries${query}`)).body);
    for (const entry of page.entries) {
      if (!state && entryHash(entry) !== firm) throw new Failure(`${door.id} has the charter of another firm.`);
      state = orThrow(applyEntry(state, entry));
      query = `?after=${entryHash(entry)}`;
    }
    ({ more } = page);
  }
  if (!state) throw new Failure(`${door.id} has no charter yet.`);
  return state;
}

/** An act as the members' own devices make an entry of it, with nobody's help. Throws what the reducer refuses. */
export function entryByHand(
  state: CharterState,
  act: Act,
  initiator: MemberDevice,
  approvers: readonly MemberDevice[],
): CharterEntry {
  const chain = chainOfAct(state, act);
  const firm = firmHead(state);
  const now = Date.now();
  const intent = intentAtEnd(state.firm, (name) => state.heads.get(name), {
    id: randomUUID(),
    chain,
    act,
    initiator: initiator.id,
    createdAt: new Date(now).toISOString(),
    expiresAt: new Date(now + HOUR_MS).toISOString(),
  });
  const digest = intentDigest(intent);
  const terms = { firm: state.firm, intent: digest, payload: digest, charterSequence: firm.sequence };
  const entry: CharterEntry = {
    v: 1,
    intent,
    proposal: initiator.say('PROPOSE', terms),
    approvals: approvers.map((device) => device.say('APPROVE', terms)),
    enactedAt: new Date(now).toISOString(),
  };
  orThrow(applyEntry(state, entry));
  return entry;
}

/** Brings entries to each signer's door. @returns per signer `accepted`, a refusal's code, or why it was not reached */
export function handOver(
  doors: readonly DoorAddress[],
  path: '/v1/charter/entries' | '/v1/objections',
  body: unknown,
): Promise<{ readonly signer: string; readonly outcome: string }[]> {
  return Promise.all(
    doors.map(async (door) => {
      const outcome = await knock(door, 'POST', path, body).then(codeAt, (error: unknown) =>
        error instanceof Error ? error.message : 'unreachable',
      );
      return { signer: door.id, outcome };
    }),
  );
}
