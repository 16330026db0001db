import { signCountOf, type Approval } from '@bulkhead/approval';
import { refused, RefusalError } from '@bulkhead/intent';
import type { EntityManager } from 'typeorm';

/**
 * Notes the counter of a passkey that has signed, in the transaction that takes what it signed (WebAuthn Level 3, 7.2,
 * step 22). One that has not risen is refused: the assertion was used before, or the passkey was copied. Authenticators
 * without a counter always say 0.
 */
export async function raiseCounter(manager: EntityManager, { signature }: Approval): Promise<void> {
  if (signature.scheme !== 'webauthn') return;
  const count = signCountOf(signature);
  const raised: unknown[] = await manager.query(
    `insert into webauthn_counter as known (credential, count) values ($1, $2)
     on conflict (credential) do update set count = excluded.count
       where excluded.count > known.count or (excluded.count = 0 and known.count = 0)
     returning 1`,
    [signature.credentialId, count],
  );
  if (raised.length === 0) {
    throw new RefusalError(
      refused('approval.counter-replayed', 'The passkey’s counter has not risen: sign anew with the passkey itself.', {
        count: String(count),
      }).refusal,
    );
  }
}
