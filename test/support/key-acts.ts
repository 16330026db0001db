import type { Act, Wallet } from '@bulkhead/charter';
import { instant, type CharterBuilder, type EntryOptions } from './charter-builder.js';

type KeyKind = 'key.suspend' | 'key.activate' | 'key.retire' | 'key.destroy';

/** An act on a signer's key of a wallet. */
export function keyAct({ id, keys }: Pick<Wallet, 'id' | 'keys'>, kind: KeyKind, signer: string): Act {
  const key = keys.find((one) => one.signer === signer);
  if (!key) throw new Error(`${signer} has no key of ${id}`);
  const { publicKey } = key;
  const name = { wallet: id, signer, publicKey };
  return kind === 'key.suspend' || kind === 'key.retire' ? { kind, ...name, reason: 'a drill' } : { kind, ...name };
}

/** As somebody enacts it so many seconds from now. */
export function after(seconds: number): EntryOptions {
  const [now, expiresAt] = [instant(seconds * 1000), instant((seconds + 3_600) * 1000)];
  return { enactedAt: now, statementsExpireAt: expiresAt, intent: { createdAt: now, expiresAt } };
}

/** Puts into force what waits, once `seconds` have passed. @returns the entry */
export const enactAfter = (charter: CharterBuilder, intent: string, seconds: number) =>
  charter.append({ kind: 'pending.enact', intent }, after(seconds));
