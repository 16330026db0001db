import type { ChainId } from '@bulkhead/intent';
import type { Directory, ManagedAddress } from './spend.js';

export type DepositVerdict =
  | { readonly kind: 'CREDIT' }
  /** It came from an address of another owner under management: held apart until an incident is closed. */
  | { readonly kind: 'QUARANTINE'; readonly from: string; readonly fromOwner: string };

/**
 * May a deposit be credited to the owner it arrived at? One managed source of another owner is enough to hold it.
 *
 * @param sources addresses that the depositing transaction spends from; an unknown source is the outside world.
 */
export function checkDeposit(
  chain: ChainId,
  receiver: ManagedAddress,
  sources: readonly string[],
  directory: Directory,
): DepositVerdict {
  for (const from of sources) {
    const managed = directory.managed(chain, from);
    if (managed && managed.owner !== receiver.owner) return { kind: 'QUARANTINE', from, fromOwner: managed.owner };
  }
  return { kind: 'CREDIT' };
}
