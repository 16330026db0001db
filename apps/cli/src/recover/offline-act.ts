import { randomUUID } from 'node:crypto';
import {
  applyEntry,
  chainOfAct,
  enactmentAt,
  intentAtEnd,
  previewIntent,
  type Act,
  type CharterEntry,
  type CharterState,
} from '@bulkhead/charter';
import { buildKit, type OpenedKit, type RecoveryKit } from '@bulkhead/evidence';
import { intentDigest, orThrow } from '@bulkhead/intent';
import type { OfflineMember } from './member.js';

/** Approvers of a disaster are far apart. */
const LIFE_MS = 7 * 86_400_000;

/**
 * Proposes an act at the end of the kit's charter: to lift a freeze, say, or to approve a destination. It is no entry
 * before its quorum has approved it.
 *
 * @throws RefusalError when the charter does not take such an act
 */
export function proposeAct(state: CharterState, member: OfflineMember, act: Act): CharterEntry {
  const now = new Date();
  const intent = intentAtEnd(state.firm, (chain) => state.heads.get(chain), {
    id: randomUUID(),
    chain: chainOfAct(state, act),
    act,
    initiator: member.id,
    createdAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + LIFE_MS).toISOString(),
  });
  const digest = intentDigest(intent);
  const proposal = member.say('PROPOSE', digest, digest, intent.expiresAt);
  orThrow(previewIntent(state, intent, proposal, intent.createdAt));
  return { v: 1, intent, proposal, approvals: [], enactedAt: intent.createdAt };
}

/** The entry with one more approval. The caller has shown what it says. */
export function approveAct(member: OfflineMember, entry: CharterEntry): CharterEntry {
  const digest = intentDigest(entry.intent);
  const approval = member.say('APPROVE', digest, digest, entry.intent.expiresAt);
  return { ...entry, approvals: [...entry.approvals, approval] };
}

/**
 * Puts an approved entry at the end of the kit's charter, by the one reducer: the same quorums, floors and delays as on
 * a working day.
 *
 * @returns the kit as it is with the entry
 * @throws RefusalError with what the reducer refuses
 */
export function enact({ kit, state }: OpenedKit, approved: CharterEntry): RecoveryKit {
  const now = new Date().toISOString();
  const entry = { ...approved, enactedAt: enactmentAt(state, approved.intent, now) };
  orThrow(applyEntry(state, entry));
  return orThrow(buildKit([...kit.charter, entry], kit.firm, kit.owner.id, kit.holders, now));
}
