import { addressKey, type CharterState, type Owner, type Wallet } from '@bulkhead/charter';
import { accepted, isBitcoinChain, refused, type Result } from '@bulkhead/intent';
import type { CheckedTransfer } from '../decide-transfer.js';

/** Whose every place is that the decoded bytes touch, each owner once, by id. */
export interface Parties {
  readonly inputs: readonly Owner[];
  /** Change counted. What is not under management is of the owner whose destination it is. */
  readonly outputs: readonly Owner[];
  readonly change: readonly Owner[];
  /** Undefined where a Safe's chain has no gas payer. */
  readonly feePayer: Owner | undefined;
}

/** `policy.error` where a place has no owner: a transfer that holds to the invariants has none such. */
export function partiesOf(state: CharterState, { wallet, owner, facts, verdict }: CheckedTransfer): Result<Parties> {
  const inputs = ownersOf(state, owner, wallet, facts.sources);
  if (!inputs.ok) return inputs;
  const outputs = ownersOf(state, owner, wallet, facts.outputs);
  if (!outputs.ok) return outputs;
  const change = ownersOf(state, owner, wallet, verdict.change);
  if (!change.ok) return change;
  const payer = isBitcoinChain(wallet.chain) ? owner.id : gasPayerOwner(state, wallet);
  const feePayer = payer === undefined ? undefined : state.owners.get(payer);
  if (payer !== undefined && !feePayer) return withoutOwner(payer);
  return accepted({ inputs: inputs.value, outputs: outputs.value, change: change.value, feePayer });
}

function ownersOf(
  state: CharterState,
  payer: Owner,
  { chain }: Wallet,
  places: readonly { readonly address: string }[],
): Result<readonly Owner[]> {
  const owners = new Map<string, Owner>();
  for (const { address } of places) {
    const key = addressKey(chain, address);
    const ofDestination = state.destinations.get(key)?.has(payer.id) ? payer.id : undefined;
    const found = state.owners.get(state.addresses.get(key)?.owner ?? ofDestination ?? '');
    if (!found) return withoutOwner(address);
    owners.set(found.id, found);
  }
  return accepted([...owners.values()].sort((one, other) => (one.id < other.id ? -1 : 1)));
}

const gasPayers = new WeakMap<CharterState['wallets'], Map<string, string>>();

/** Whose gas payer serves this Safe's chain. */
function gasPayerOwner({ wallets }: CharterState, { chain }: Wallet): string | undefined {
  let byChain = gasPayers.get(wallets);
  if (!byChain) {
    const payers = wallets.valueSeq().filter((wallet) => wallet.kind === 'gas-payer');
    byChain = new Map(payers.map((payer): [string, string] => [payer.chain, payer.owner]));
    gasPayers.set(wallets, byChain);
  }
  return byChain.get(chain);
}

const withoutOwner = (value: string): Result<never> =>
  refused('policy.error', 'A place has no owner in the charter, so the answer is no.', { fact: 'owner', value });
