import type { Approval } from '@bulkhead/approval';
import type { CharterState } from '@bulkhead/charter';
import { refused, RefusalError } from '@bulkhead/intent';
import { In, type EntityManager } from 'typeorm';
import { raiseCounter } from '../../passkeys/persistence/signature-counter.js';
import { ApprovalRow } from '../persistence/entities.js';

/** Every word that was given on an intent, in the order in which it came. */
export async function wordsOn(manager: EntityManager, intentDigest: string): Promise<Approval[]> {
  const rows = await manager.find(ApprovalRow, { where: { intentDigest }, order: { id: 'ASC' } });
  return rows.map(({ approval }) => approval);
}

/** {@link wordsOn} for several intents, by digest. */
export async function wordsOnAll(
  manager: EntityManager,
  intentDigests: readonly string[],
): Promise<ReadonlyMap<string, readonly Approval[]>> {
  const rows = await manager.find(ApprovalRow, {
    where: { intentDigest: In([...intentDigests]) },
    order: { id: 'ASC' },
  });
  const words = new Map<string, Approval[]>();
  for (const { intentDigest, approval } of rows)
    words.set(intentDigest, [...(words.get(intentDigest) ?? []), approval]);
  return words;
}

/**
 * Keeps a member's word on an intent, once `checkWord` has let it through while the intent was locked, and the counter
 * of the passkey that signed it. The same statement is taken once: sent again it is refused with `approval.duplicate`.
 */
export async function keepWord(
  manager: EntityManager,
  state: CharterState,
  intentDigest: string,
  approval: Approval,
): Promise<void> {
  const { member, decision } = approval.statement;
  const person = state.members.get(member)?.person ?? member;
  const kept: unknown[] = await manager.query(
    `insert into approval (intent_digest, member, person, decision, approval) values ($1, $2, $3, $4, $5)
     on conflict do nothing returning 1`,
    [intentDigest, member, person, decision, JSON.stringify(approval)],
  );
  if (kept.length === 0) {
    throw new RefusalError(
      refused('approval.duplicate', 'This person has given their word on this intent already.', { member, person })
        .refusal,
    );
  }
  await raiseCounter(manager, approval);
}
