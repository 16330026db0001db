import { accepted, refused, type Result } from '@bulkhead/intent';
import type { CharterState } from './state.js';

/**
 * Whether a signer may come to hold a key or a share: it is in service, and the charter says in which token that is, so
 * that no two keys of a wallet ever come to be in one.
 */
export function checkHolder(
  { signers }: CharterState,
  id: string,
  facts: Readonly<Record<string, string>>,
): Result<true> {
  const signer = signers.get(id);
  if (!signer) return refused('charter.unknown-signer', 'No such signer in the charter.', { ...facts, signer: id });
  if (signer.retired) return refused('charter.signer-retired', 'The signer is retired.', { ...facts, signer: id });
  return signer.tokenSerial === undefined
    ? refused('charter.token-unknown', 'The charter does not say which token this signer has.', {
        ...facts,
        signer: id,
      })
    : accepted(true);
}
