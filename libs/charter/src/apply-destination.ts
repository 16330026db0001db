import { accepted, refused, type ChainId, type Purpose, type Result } from '@bulkhead/intent';
import { Map as ImmutableMap } from 'immutable';
import type { Act } from './acts.js';
import { canonicalAddress } from './addresses.js';
import { addShapes, lookAlike } from './look-alikes.js';
import { checkOwnership, ownershipMessage } from './ownership.js';
import { addressKey, isFirmChain, type CharterState, type Destination } from './state.js';

type ActOf<K extends Act['kind']> = Extract<Act, { kind: K }>;
type Approval = ActOf<'destination.approve'>;

/**
 * Registers a destination. It cools from now on: nothing but test payments goes there before its delay is over, and
 * until then and ever after it can be revoked at once.
 */
export function approveDestination(state: CharterState, act: Approval, at: string): Result<CharterState> {
  const free = checkFree(state, act);
  if (!free.ok) return free;
  const { id, owner, chain, label, category = 'SELF_HOSTED' } = act;
  const address = free.value;
  const ownership = checkOwnership(act.proof, ownershipMessage(state.firm, owner, chain, address), chain, address);
  if (!ownership.ok) return ownership;
  const looksLike = lookAlike(state.shapes, chain, address);
  const destination: Destination = {
    id,
    owner,
    chain,
    address,
    label,
    category,
    ownership: ownership.value,
    looksLike,
    enactedAt: at,
    approvedAt: at,
    usableFrom: new Date(Date.parse(at) + coolingSeconds(state, looksLike) * 1000).toISOString(),
  };
  const key = addressKey(chain, address);
  const owners = state.destinations.get(key) ?? ImmutableMap<string, Destination>();
  return accepted({
    ...state,
    destinationIds: state.destinationIds.add(id),
    destinations: state.destinations.set(key, owners.set(owner, destination)),
    shapes: addShapes(state.shapes, chain, [address]),
  });
}

/** The address in its canonical spelling, if it can be a destination of this owner, under this id. */
function checkFree(state: CharterState, act: Approval): Result<string> {
  if (!state.owners.has(act.owner)) {
    return refused('charter.unknown-owner', 'No such owner in the charter.', { owner: act.owner });
  }
  if (!isFirmChain(state.genesis, act.chain))
    return refused('address.wrong-network', 'Not a chain of this firm.', { chain: act.chain });
  const address = canonicalAddress(act.chain, act.address);
  if (!address.ok) return address;
  const key = addressKey(act.chain, address.value);
  const managed = state.addresses.get(key);
  if (managed) {
    return refused('charter.address-managed', 'An address under management is never a destination.', {
      address: act.address,
      managedFor: managed.owner,
    });
  }
  if (state.destinations.get(key)?.has(act.owner)) {
    return refused('charter.id-taken', 'This destination is approved.', { address: act.address });
  }
  if (state.destinationIds.has(act.id)) {
    return refused('charter.id-taken', 'Another destination has this id.', { id: act.id });
  }
  return address;
}

/** What could be mistaken for another address cools no shorter than others. */
function coolingSeconds({ rules: { delaySeconds } }: CharterState, looksLike: string | null): number {
  const usual = delaySeconds['destination.approve'] ?? 0;
  return looksLike === null ? usual : Math.max(usual, delaySeconds['destination.approve-look-alike'] ?? 0);
}

/** Whether this approval takes the larger quorum: the address could be mistaken for one that is known. */
export function isLookAlike(state: CharterState, { chain, address: text }: Approval): boolean {
  const address = canonicalAddress(chain, text);
  return address.ok && lookAlike(state.shapes, chain, address.value) !== null;
}

export function revokeDestination(
  state: CharterState,
  act: ActOf<'destination.revoke'>,
  at: string,
): Result<CharterState> {
  const address = canonicalAddress(act.chain, act.address);
  if (!address.ok) return address;
  const key = addressKey(act.chain, address.value);
  const owners = state.destinations.get(key);
  const destination = owners?.get(act.owner);
  if (!owners || !destination) {
    return refused('segregation.unknown-destination', 'Not an approved destination of this owner.', {
      owner: act.owner,
      address: act.address,
    });
  }
  const left = owners.delete(act.owner);
  const destinations = left.isEmpty() ? state.destinations.delete(key) : state.destinations.set(key, left);
  const revokedDestinations = state.revokedDestinations.set(destination.id, { ...destination, revokedAt: at });
  return accepted({ ...state, destinations, revokedDestinations });
}

/** What a transfer is, as far as cooling asks. */
export interface Payout {
  readonly owner: string;
  readonly purpose: Purpose;
  readonly chain: ChainId;
  readonly payee: string;
  /** RFC 3339: when its intent was made. */
  readonly proposedAt: string;
}

/**
 * Refused while the payee is a destination that cools, but for test payments; and for good when it was approved after the
 * transfer was proposed: it had been revoked in between, and what was approved before then is worth nothing any more.
 *
 * @param at RFC 3339 instant by the decider's own clock.
 */
export function checkCooled(
  state: CharterState,
  { owner, purpose, chain, payee, proposedAt }: Payout,
  at: string,
): Result<true> {
  const destination = state.destinations.get(addressKey(chain, payee))?.get(owner);
  if (destination && proposedAt < destination.enactedAt) {
    return refused(
      'destination.approved-since',
      'The destination was approved after this was proposed: propose it anew.',
      {
        address: payee,
        proposedAt,
        approvedAt: destination.enactedAt,
      },
    );
  }
  if (!destination || purpose === 'TEST_PAYMENT' || at >= destination.usableFrom) return accepted(true);
  return refused('destination.cooling', 'This destination cools: until then only test payments go there.', {
    address: payee,
    usableFrom: destination.usableFrom,
  });
}
