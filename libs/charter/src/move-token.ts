import { accepted, refused, slugSchema, type Result } from '@bulkhead/intent';
import { z } from 'zod';
import { checkSigners, withSigners } from './apply-signers.js';
import { signerSchema } from './parties.js';
import type { CharterState } from './state.js';

/**
 * A signer goes on with another token, into which its keys were restored (docs/decisions/0038-backup-ceremonies.md). As
 * grave as enrolling a signer, and decided by the same quorum, after the same delay.
 */
export const moveTokenSchema = z.strictObject({
  kind: z.literal('signer.move-token'),
  signer: slugSchema,
  /** Serial number of the token that it goes on with. */
  tokenSerial: signerSchema.shape.tokenSerial.unwrap(),
});

/**
 * From here on the signer signs with the new token only. The one that it leaves stays its own, so that no other signer's
 * keys come into it; it may go back there by another such act.
 */
export function moveToken(
  state: CharterState,
  { signer: id, tokenSerial }: z.infer<typeof moveTokenSchema>,
): Result<CharterState> {
  const signer = state.signers.get(id);
  if (!signer) return refused('charter.unknown-signer', 'No such signer in the charter.', { signer: id });
  if (signer.retired) return refused('charter.signer-retired', 'The signer is retired.', { signer: id });
  if (signer.tokenSerial?.trim() === tokenSerial.trim()) {
    return refused('charter.act-not-allowed', 'The signer has this token already.', { signer: id, tokenSerial });
  }
  const left = [...(signer.formerTokens ?? []), ...(signer.tokenSerial === undefined ? [] : [signer.tokenSerial])];
  const moved = { ...signer, tokenSerial, formerTokens: left.filter((serial) => serial.trim() !== tokenSerial.trim()) };
  const all = [...state.signers.values()].map((one) => (one.id === id ? moved : one));
  const sound = checkSigners(all);
  return sound.ok ? accepted(withSigners(state, all)) : sound;
}
