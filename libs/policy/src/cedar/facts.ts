import type { Member } from '@bulkhead/approval';
import { addressKey, firmHead, type CharterState, type Destination, type Owner } from '@bulkhead/charter';
import { entity, uid, type PolicyRequest } from '@bulkhead/cedar';
import { accepted, isBitcoinChain, refused, type Result } from '@bulkhead/intent';
import { checkAttestations } from '../attestation.js';
import type { CheckedTransfer } from '../decide-transfer.js';
import { velocityBy, type Evidence } from '../evidence.js';
import { businessTime } from './calendar.js';
import { partiesOf, type Parties } from './parties.js';

const WEEKDAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;
const MILLION = 1_000_000n;
/** What a policy compares amounts with is below this (see `parsePolicy`): so it can stand for all above it. */
const MOST = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * Every fact of the published schema about a transfer whose bytes are decoded and hold to the invariants. A fact that
 * is not there refuses.
 *
 * @param at RFC 3339 instant by the decider's own clock.
 */
export function policyRequest(
  state: CharterState,
  transfer: CheckedTransfer,
  at: string,
  evidence: Evidence,
): Result<PolicyRequest> {
  const attested = checkAttestations(state, transfer, evidence.attestations, at);
  if (!attested.ok) return attested;
  const { intent, wallet, owner, facts } = transfer;
  const initiator = state.members.get(intent.initiator);
  const asset = state.assets.get(intent.asset);
  if (!initiator) return missing('principal', intent.initiator);
  if (!asset) return missing('context.asset', intent.asset);
  const destination = destinationFacts(state, transfer);
  if (!destination.ok) return destination;
  const parties = partiesOf(state, transfer);
  if (!parties.ok) return parties;
  const now = new Date(at);
  const { registered } = destination.value;
  const { price, travelRule } = attested.value;
  return accepted({
    principal: uid('Member', initiator.id),
    action: uid('Action', 'transfer'),
    resource: uid('Wallet', wallet.id),
    entities: [
      { uid: uid('Member', initiator.id), attrs: {}, parents: groupsOf(state, initiator) },
      {
        uid: uid('Wallet', wallet.id),
        attrs: {
          owner: entity('Owner', owner.id),
          estate: entity('Estate', owner.estate),
          chain: wallet.chain,
          kind: wallet.kind,
        },
        parents: [],
      },
      ...ownerEntities(owner, parties.value),
    ],
    context: {
      purpose: entity('Purpose', intent.purpose),
      chain: wallet.chain,
      asset: intent.asset,
      symbol: asset.symbol,
      amountMillionths: millionths(transfer.amount, asset.decimals),
      amountExact: transfer.amount.toString(),
      feeMillionths: millionths(facts.fee.amount, isBitcoinChain(wallet.chain) ? 8 : 18),
      feeRateSatVb: long(facts.feeRateSatVb),
      ...partyFacts(parties.value),
      destination: {
        address: transfer.payee,
        class: entity('DestinationClass', destination.value.class),
        owner: entity('Owner', destination.value.owner),
        ...(registered && {
          ageSeconds: Math.floor((now.getTime() - Date.parse(registered.approvedAt)) / 1000),
          category: entity('Category', registered.category),
          ownership: entity('Ownership', registered.ownership),
        }),
        coolingOver: !registered || at >= registered.usableFrom,
        looksLikeKnown: registered !== undefined && registered.looksLike !== null,
        testPaid: evidence.testPaid,
      },
      call: { ...facts.call, arguments: [...facts.call.arguments] },
      ...(price && { amountReference: hundredths(transfer.amount, asset.decimals, BigInt(price.priceMicros)) }),
      ...(travelRule && { travelRule: entity('TravelRule', travelRule) }),
      velocity: velocityFacts(evidence.velocity, transfer.amount, asset.decimals),
      minuteOfDayUtc: now.getUTCHours() * 60 + now.getUTCMinutes(),
      weekdayUtc: entity('Weekday', WEEKDAYS[now.getUTCDay()] ?? ''),
      ...(state.calendar && businessTime(state.calendar, at)),
      charterSequence: firmHead(state).sequence,
    },
  });
}

/** Millionths of the whole unit, rounded up, so that no amount is ever below what a policy thinks it is. */
export function millionths(amount: bigint, decimals: number): number {
  const unit = 10n ** BigInt(decimals);
  return long((amount * MILLION + unit - 1n) / unit);
}

/** An amount at a price (in millionths of the currency's unit per whole unit), in hundredths, rounded up. */
export function hundredths(amount: bigint, decimals: number, priceMicros: bigint): number {
  const unit = 10n ** BigInt(decimals) * 10_000n;
  return long((amount * priceMicros + unit - 1n) / unit);
}

/** With this transfer counted in: what a limit is held against is what would have been spent after it. */
function velocityFacts(velocity: Evidence['velocity'], amount: bigint, decimals: number) {
  const facts = velocityBy((subject, window) => {
    const before = velocity[subject][window];
    return { amount: before.amount + amount, count: before.count + 1 };
  });
  return Object.fromEntries(
    Object.entries(facts).map(([subject, windows]) => [
      subject,
      Object.fromEntries(
        Object.entries(windows).map(([window, spent]) => [
          window,
          { amountMillionths: millionths(spent.amount, decimals), count: spent.count },
        ]),
      ),
    ]),
  );
}

function groupsOf({ groups }: CharterState, { id, role }: Member): Entity['parents'] {
  const joined = [...groups].filter(([, members]) => members.has(id));
  return [uid('Role', role), ...joined.map(([group]) => uid('Group', group))];
}

const long = (value: bigint): number => Number(value > MOST ? MOST : value);

export type DestinationClass = 'DESTINATION' | 'MANAGED_SAME_OWNER' | 'MANAGED_HOUSE' | 'MANAGED_CLIENT';

interface DestinationFacts {
  readonly class: DestinationClass;
  readonly owner: string;
  /** Only of a DESTINATION. */
  readonly registered: Destination | undefined;
}

function destinationFacts(state: CharterState, transfer: CheckedTransfer): Result<DestinationFacts> {
  const { owner, wallet, payee } = transfer;
  const key = addressKey(wallet.chain, payee);
  const managed = state.addresses.get(key);
  if (managed) {
    const own = managed.owner === owner.id;
    if (!own && managed.estate === 'SUSPENSE') return missing('context.destination.class', payee);
    const foreign = managed.estate === 'HOUSE' ? 'MANAGED_HOUSE' : 'MANAGED_CLIENT';
    return accepted({ class: own ? 'MANAGED_SAME_OWNER' : foreign, owner: managed.owner, registered: undefined });
  }
  const destination = state.destinations.get(key)?.get(owner.id);
  if (!destination) return missing('context.destination', payee);
  return accepted({ class: 'DESTINATION', owner: owner.id, registered: destination });
}

type Entity = PolicyRequest['entities'][number];

function partyFacts({ inputs, outputs, change, feePayer }: Parties): PolicyRequest['context'] {
  const owners = (of: readonly Owner[]) => of.map(({ id }) => entity('Owner', id));
  const estates = (of: readonly Owner[]) =>
    [...new Set(of.map(({ estate }) => estate))].map((estate) => entity('Estate', estate));
  return {
    ...(feePayer && { feePayer: entity('Owner', feePayer.id) }),
    inputOwners: owners(inputs),
    inputEstates: estates(inputs),
    outputOwners: owners(outputs),
    outputEstates: estates(outputs),
    changeOwners: owners(change),
    changeEstates: estates(change),
  };
}

/** The payee's owner is among those of the outputs. */
function ownerEntities(owner: Owner, { inputs, outputs, feePayer }: Parties): Entity[] {
  const owners = new Map([owner, ...inputs, ...outputs, ...(feePayer ? [feePayer] : [])].map((one) => [one.id, one]));
  return [...owners.values()].map(({ id, estate }) => ({
    uid: uid('Owner', id),
    attrs: { estate: entity('Estate', estate) },
    parents: [],
  }));
}

const missing = (fact: string, value: string): Result<never> =>
  refused('policy.error', 'A fact that policies may ask for is missing, so the answer is no.', { fact, value });
