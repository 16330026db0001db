import { FIRST_INHERITED_DESCRIPTOR } from '../host-process.js';
import { PinTries } from '../pin-tries.js';
import { readPin } from './module.js';
import { type OpenOrder } from './protocol.js';
import { SignThreads } from './sign-threads.js';
import { mechanismNumber, TokenKeys } from './token-keys.js';
import { TokenBackup } from './token-backup.js';
import { TokenRecords } from './token-records.js';
import { TokenSeal } from './token-seal.js';
import { type TokenSession, openToken } from './token-session.js';
import { WrappingKeys } from './wrapping-keys.js';

/** What a module host works with, once its token is open. */
export interface Workshop {
  readonly token: TokenSession;
  readonly keys: TokenKeys;
  readonly records: TokenRecords;
  readonly seal: TokenSeal;
  readonly wrappingKeys: WrappingKeys;
  readonly backup: TokenBackup;
  readonly threads: SignThreads;
}

/**
 * Opens the token with the PIN of the inherited descriptor, which is read anew each time, so that no copy is kept.
 *
 * @throws HostFailure with what stands in the way
 */
export function openWorkshop(
  { profile, tokenLabel, workers, pinTriesFile }: OpenOrder,
  threadFailed: (error: Error) => void,
): Workshop {
  const token = openToken(profile, tokenLabel, readPin(FIRST_INHERITED_DESCRIPTOR), new PinTries(pinTriesFile));
  const { module, session } = token;
  const mechanism = mechanismNumber(profile.mechanisms.sign);
  const order = { library: module.libFile, slot: session.slot.handle, mechanism };
  const keys = new TokenKeys(session, profile);
  const wrappingKeys = new WrappingKeys(session);
  return {
    token,
    keys,
    wrappingKeys,
    backup: new TokenBackup(session, profile, keys, wrappingKeys),
    records: new TokenRecords(session),
    seal: new TokenSeal(session),
    threads: new SignThreads(workers, order, threadFailed),
  };
}

/** Waits for signatures that are under way, then finalises the module: nothing of it is left in this process. */
export async function closeWorkshop({ token, threads }: Workshop): Promise<void> {
  await threads.close();
  token.module.finalize();
}
