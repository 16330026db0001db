import { ROLES, type Role } from '@bulkhead/approval';
import { entity, uid, type PolicyRequest } from '@bulkhead/cedar';
import { CATEGORIES, OWNERSHIPS, type Category, type Ownership } from '@bulkhead/charter';
import { PURPOSES, type Purpose } from '@bulkhead/intent';
import type { DestinationClass } from '../cedar/facts.js';
import { TRAVEL_RULE_STATUSES, type TravelRuleStatus } from '../attestation.js';
import { VELOCITY_SUBJECTS, WINDOW_NAMES } from '../evidence.js';
import { ANY, type Constants } from './constants.js';

/** What was spent, this transfer counted: for example `velocity.wallet.day.amountMillionths`. */
type VelocityFact = `velocity.${string}`;

/** A transfer as policies see it, made up to cover one combination of the finite facts. Null: a fact that is not there. */
export interface Combination {
  readonly role: Role;
  readonly groups: readonly string[];
  readonly member: string;
  readonly wallet: string;
  readonly owner: string;
  readonly estate: 'CLIENT' | 'HOUSE';
  readonly purpose: Purpose;
  readonly destinationClass: DestinationClass;
  /** Of a destination that is managed for somebody else. */
  readonly payee: string;
  /** Of a DESTINATION. */
  readonly category: Category;
  readonly ownership: Ownership;
  readonly coolingOver: boolean;
  readonly looksLikeKnown: boolean;
  readonly testPaid: boolean;
  readonly kind: 'bitcoin-multisig' | 'taproot-mpc' | 'safe';
  /** Of the fee: the owner of the wallet, nobody, or the owner of this id. */
  readonly feePaidBy: string;
  readonly paysChange: boolean;
  readonly address: string;
  readonly chain: string;
  readonly asset: string;
  readonly symbol: string;
  readonly amountMillionths: number;
  readonly amountReference: number | null;
  readonly travelRule: TravelRuleStatus | null;
  readonly feeMillionths: number;
  readonly feeRateSatVb: number;
  readonly ageSeconds: number;
  readonly minuteOfDayUtc: number;
  readonly weekdayUtc: string;
  readonly calendar: 'OPEN' | 'CLOSED' | 'HOLIDAY' | null;
  readonly charterSequence: number;
  readonly contract: string;
  readonly selector: string;
  readonly [velocity: VelocityFact]: number;
}

/** The wallet that combinations pay from, as far as the scope of the policies fixes it. */
export interface Payer {
  readonly owner: string;
  readonly wallet: string;
  readonly estate: 'CLIENT' | 'HOUSE';
}

const CLASSES = ['DESTINATION', 'MANAGED_SAME_OWNER', 'MANAGED_HOUSE', 'MANAGED_CLIENT'] as const;
const WEEKDAYS = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'] as const;
/** The owner of a gas payer that no policy names. */
const GAS_PAYER = '(any gas payer)';
/** Facts that change has a part in. */
const OF_CHANGE = ['changeOwners', 'changeEstates', 'outputOwners', 'outputEstates'] as const;
/** A member can be in any of them or none. */
const MOST_GROUPS = 6;
const VELOCITY_FACTS: readonly VelocityFact[] = VELOCITY_SUBJECTS.flatMap((subject) =>
  WINDOW_NAMES.flatMap((window) =>
    (['amountMillionths', 'count'] as const).map((what): VelocityFact => `velocity.${subject}.${window}.${what}`),
  ),
);

/**
 * All combinations of the facts that these policies look at, one value for each of the others: what a policy does not
 * read cannot change its answer. Facts that depend on each other (a day's spends are no fewer than an hour's) are tried
 * as if they did not: too many combinations, never too few. Undefined when there are more than `most`.
 */
export function combinationsOf(
  constants: Constants,
  payers: readonly Payer[],
  most: number,
): readonly Combination[] | undefined {
  if ((constants.entities.get('Group')?.size ?? 0) > MOST_GROUPS) return undefined;
  const choices = choicesOf(constants);
  const count = choices.reduce((product, [, values]) => product * values.length, payers.length);
  if (count > most) return undefined;
  let combinations: Partial<Combination>[] = payers.map((payer) => ({ ...payer }));
  for (const [name, values] of choices)
    combinations = combinations.flatMap((combination) => values.map((value) => ({ ...combination, [name]: value })));
  return combinations as Combination[];
}

function choicesOf(constants: Constants): [keyof Combination, readonly unknown[]][] {
  const { paths, entities } = constants;
  const reads = (...names: readonly string[]): boolean => names.some((name) => paths.has(`context.${name}`));
  const bands = (path: string, least: number, greatest = Number.MAX_SAFE_INTEGER): readonly number[] => {
    const values = [...constants.numbersFor(path)].filter((value) => value >= least && value <= greatest);
    return values.length > 0 && paths.has(path) ? values : [Math.max(least, 1)];
  };
  const texts = (path: string, usual: string): readonly string[] =>
    paths.has(path) ? [...new Set([usual, ANY, ...constants.textsFor(path)])] : [usual];
  const velocity = VELOCITY_FACTS.filter((fact) => reads(fact));
  return [
    ['role', rolesFor(entities.get('Role'))],
    ['groups', subsets([...(entities.get('Group') ?? [])])],
    ['member', [ANY, ...(entities.get('Member') ?? [])]],
    ['purpose', PURPOSES],
    ['destinationClass', CLASSES],
    ['payee', [ANY, ...(entities.get('Owner') ?? [])]],
    ['category', reads('destination.category') ? CATEGORIES : ['SELF_HOSTED']],
    ['ownership', reads('destination.ownership') ? OWNERSHIPS : ['NONE']],
    ['coolingOver', reads('destination.coolingOver') ? [false, true] : [true]],
    ['looksLikeKnown', reads('destination.looksLikeKnown') ? [false, true] : [false]],
    ['testPaid', reads('destination.testPaid') ? [false, true] : [false]],
    ['kind', paths.has('resource.kind') ? ['bitcoin-multisig', 'taproot-mpc', 'safe'] : ['bitcoin-multisig']],
    [
      'feePaidBy',
      reads('feePayer', 'feePayer.estate')
        ? ['OWNER', 'NOBODY', GAS_PAYER, ...(entities.get('Owner') ?? [])]
        : ['OWNER'],
    ],
    ['paysChange', reads(...OF_CHANGE) ? [true, false] : [true]],
    ['address', texts('context.destination.address', ANY)],
    ['chain', [...new Set([...texts('context.chain', ANY), ...texts('resource.chain', ANY)])]],
    ['asset', texts('context.asset', ANY)],
    ['symbol', texts('context.symbol', ANY)],
    ['amountMillionths', bands('context.amountMillionths', 1)],
    ['amountReference', reads('amountReference') ? [null, ...bands('context.amountReference', 0)] : [null]],
    ['travelRule', reads('travelRule') ? [null, ...TRAVEL_RULE_STATUSES] : [null]],
    ['feeMillionths', bands('context.feeMillionths', 0)],
    ['feeRateSatVb', bands('context.feeRateSatVb', 0, 5_000)],
    // clocks differ: what was just approved can be of tomorrow
    ['ageSeconds', bands('context.destination.ageSeconds', Number.MIN_SAFE_INTEGER)],
    ['minuteOfDayUtc', bands('context.minuteOfDayUtc', 0, 1_439)],
    ['weekdayUtc', reads('weekdayUtc') ? WEEKDAYS : ['MONDAY']],
    ['calendar', reads('isBusinessDay', 'isBusinessHour') ? [null, 'OPEN', 'CLOSED', 'HOLIDAY'] : [null]],
    ['charterSequence', bands('context.charterSequence', 0)],
    ['contract', texts('context.call.contract', '')],
    ['selector', texts('context.call.selector', '')],
    ...velocity.map((fact): [keyof Combination, readonly unknown[]] => [fact, bands(`context.${fact}`, 1)]),
  ];
}

/** Those that are named, and one that stands for the others. */
function rolesFor(named: ReadonlySet<string> = new Set()): readonly Role[] {
  const other = ROLES.find((role) => !named.has(role));
  return ROLES.filter((role) => named.has(role) || role === other);
}

export const subsets = <T>(all: readonly T[]): T[][] =>
  all.reduce<T[][]>((found, one) => [...found, ...found.map((some) => [...some, one])], [[]]);

/** The question that a combination puts to the policies. */
export function requestOf(combination: Combination): PolicyRequest {
  const { owner, estate, destinationClass, feePaidBy, amountReference, travelRule, calendar } = combination;
  const own = destinationClass === 'DESTINATION' || destinationClass === 'MANAGED_SAME_OWNER';
  const payee = own ? owner : combination.payee === owner ? ANY : combination.payee;
  const feePayer = feePaidBy === 'OWNER' ? owner : feePaidBy;
  const estates = new Map<string, string>([
    [feePayer, 'HOUSE'],
    [payee, destinationClass === 'MANAGED_HOUSE' ? 'HOUSE' : 'CLIENT'],
    [owner, estate],
  ]);
  return {
    principal: uid('Member', combination.member),
    action: uid('Action', 'transfer'),
    resource: uid('Wallet', combination.wallet),
    entities: [
      {
        uid: uid('Member', combination.member),
        attrs: {},
        parents: [uid('Role', combination.role), ...combination.groups.map((group) => uid('Group', group))],
      },
      {
        uid: uid('Wallet', combination.wallet),
        attrs: {
          owner: entity('Owner', owner),
          estate: entity('Estate', estate),
          chain: combination.chain,
          kind: combination.kind,
        },
        parents: [],
      },
      ...[...estates].map(([id, of]) => ({
        uid: uid('Owner', id),
        attrs: { estate: entity('Estate', of) },
        parents: [],
      })),
    ],
    context: {
      purpose: entity('Purpose', combination.purpose),
      chain: combination.chain,
      asset: combination.asset,
      symbol: combination.symbol,
      amountMillionths: combination.amountMillionths,
      amountExact: String(combination.amountMillionths),
      feeMillionths: combination.feeMillionths,
      feeRateSatVb: combination.feeRateSatVb,
      ...(feePaidBy !== 'NOBODY' && { feePayer: entity('Owner', feePayer) }),
      ...partyFacts(combination, payee),
      destination: {
        address: combination.address,
        class: entity('DestinationClass', destinationClass),
        owner: entity('Owner', payee),
        ...(destinationClass === 'DESTINATION' && {
          ageSeconds: combination.ageSeconds,
          category: entity('Category', combination.category),
          ownership: entity('Ownership', combination.ownership),
        }),
        coolingOver: combination.coolingOver,
        looksLikeKnown: combination.looksLikeKnown,
        testPaid: combination.testPaid,
      },
      call: { contract: combination.contract, selector: combination.selector, arguments: [] },
      ...(amountReference !== null && { amountReference }),
      ...(travelRule !== null && { travelRule: entity('TravelRule', travelRule) }),
      velocity: velocityOf(combination),
      ...(calendar !== null && { isBusinessDay: calendar !== 'HOLIDAY', isBusinessHour: calendar === 'OPEN' }),
      minuteOfDayUtc: combination.minuteOfDayUtc,
      weekdayUtc: entity('Weekday', combination.weekdayUtc),
      charterSequence: combination.charterSequence,
    },
  };
}

/** The invariants leave one owner to coins and change, and one payee: no other sets can come up. */
function partyFacts({ owner, estate, destinationClass, paysChange }: Combination, payee: string) {
  const owners = (...ids: readonly string[]) => [...new Set(ids)].map((id) => entity('Owner', id));
  const estates = (...ids: readonly string[]) => [...new Set(ids)].map((id) => entity('Estate', id));
  const payeeEstate = payee === owner ? estate : destinationClass === 'MANAGED_HOUSE' ? 'HOUSE' : 'CLIENT';
  const change = paysChange ? { owners: [owner], estates: [estate] } : { owners: [], estates: [] };
  return {
    inputOwners: owners(owner),
    inputEstates: estates(estate),
    outputOwners: owners(payee, ...change.owners),
    outputEstates: estates(payeeEstate, ...change.estates),
    changeOwners: owners(...change.owners),
    changeEstates: estates(...change.estates),
  };
}

function velocityOf(combination: Combination) {
  const spent = (subject: string, window: string) => ({
    amountMillionths: combination[`velocity.${subject}.${window}.amountMillionths`] ?? 1,
    count: combination[`velocity.${subject}.${window}.count`] ?? 1,
  });
  const windows = (subject: string) =>
    Object.fromEntries(WINDOW_NAMES.map((window) => [window, spent(subject, window)]));
  return Object.fromEntries(VELOCITY_SUBJECTS.map((subject) => [subject, windows(subject)]));
}
