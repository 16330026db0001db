import { entity, uid, type PolicyRequest } from '@bulkhead/cedar';
import { PURPOSES, type Purpose } from '@bulkhead/intent';
import type { DestinationClass } from '../cedar/facts.js';
import type { Constants } from './constants.js';

/** A transfer as policies see it, made up to cover one combination of the finite facts. */
export interface Combination {
  readonly role: 'operator' | 'compliance';
  readonly member: string;
  readonly wallet: string;
  readonly owner: string;
  readonly estate: 'CLIENT' | 'HOUSE';
  readonly purpose: Purpose;
  readonly destinationClass: DestinationClass;
  /** Of a destination that is managed for somebody else. */
  readonly payee: string;
  readonly kind: 'bitcoin-multisig' | 'safe';
  readonly feePaidBy: 'OWNER' | 'HOUSE' | 'NOBODY';
  readonly address: string;
  readonly chain: string;
  readonly asset: string;
  readonly symbol: string;
  readonly amountMillionths: number;
  readonly feeMillionths: number;
  readonly feeRateSatVb: number;
  readonly ageSeconds: number;
  readonly minuteOfDayUtc: number;
  readonly weekdayUtc: string;
  readonly charterSequence: number;
  readonly contract: string;
  readonly selector: string;
}

/** The wallet that combinations pay from, as far as the scope of the policies fixes it. */
export interface Payer {
  readonly owner: string;
  readonly wallet: string;
  readonly estate: 'CLIENT' | 'HOUSE';
}

const CLASSES = ['DESTINATION', 'MANAGED_SAME_OWNER', 'MANAGED_HOUSE', 'MANAGED_CLIENT'] as const;
const WEEKDAYS = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'] as const;
const ANY = 'any-other';

/**
 * All combinations of the facts that these policies look at, one value for each of the others: what a policy does not
 * read cannot change its answer. Numbers are taken below, at and above each constant. Undefined when there are more
 * than `most`.
 */
export function combinationsOf(
  constants: Constants,
  payers: readonly Payer[],
  most: number,
): readonly Combination[] | undefined {
  const choices = choicesOf(constants);
  const count = choices.reduce((product, [, values]) => product * values.length, payers.length);
  if (count > most) return undefined;
  let combinations: Partial<Combination>[] = payers.map((payer) => ({ ...payer }));
  for (const [name, values] of choices)
    combinations = combinations.flatMap((combination) => values.map((value) => ({ ...combination, [name]: value })));
  return combinations as Combination[];
}

function choicesOf({ paths, numbers, strings, entities }: Constants): [keyof Combination, readonly unknown[]][] {
  const bands = (path: string, least: number, greatest: number): readonly number[] => {
    const usual = Math.max(least, 1);
    if (!paths.has(path)) return [usual];
    const around = [...numbers].flatMap((value) => [value - 1, value, value + 1]);
    return [...new Set([least, usual, greatest, ...around])].filter((value) => value >= least && value <= greatest);
  };
  const texts = (path: string, usual: string): readonly string[] => (paths.has(path) ? [usual, ...strings] : [usual]);
  const most = Number.MAX_SAFE_INTEGER;
  return [
    ['role', entities.has('Role') ? ['operator', 'compliance'] : ['operator']],
    ['member', [ANY, ...(entities.get('Member') ?? [])]],
    ['purpose', PURPOSES],
    ['destinationClass', CLASSES],
    ['payee', [ANY, ...(entities.get('Owner') ?? [])]],
    ['kind', paths.has('resource.kind') ? ['bitcoin-multisig', 'safe'] : ['bitcoin-multisig']],
    ['feePaidBy', paths.has('context.feePayer') ? ['OWNER', 'HOUSE', 'NOBODY'] : ['OWNER']],
    ['address', texts('context.destination.address', ANY)],
    ['chain', [...new Set([...texts('context.chain', ANY), ...texts('resource.chain', ANY)])]],
    ['asset', texts('context.asset', ANY)],
    ['symbol', texts('context.symbol', ANY)],
    ['amountMillionths', bands('context.amountMillionths', 1, most)],
    ['feeMillionths', bands('context.feeMillionths', 0, most)],
    ['feeRateSatVb', bands('context.feeRateSatVb', 0, 5_000)],
    ['ageSeconds', bands('context.destination.ageSeconds', 0, most)],
    ['minuteOfDayUtc', bands('context.minuteOfDayUtc', 0, 1_439)],
    ['weekdayUtc', paths.has('context.weekdayUtc') ? WEEKDAYS : ['MONDAY']],
    ['charterSequence', bands('context.charterSequence', 0, most)],
    ['contract', texts('context.call.contract', '')],
    ['selector', texts('context.call.selector', '')],
  ];
}

/** The question that a combination puts to the policies. */
export function requestOf(combination: Combination): PolicyRequest {
  const { owner, estate, destinationClass, feePaidBy } = combination;
  const own = destinationClass === 'DESTINATION' || destinationClass === 'MANAGED_SAME_OWNER';
  const payee = own ? owner : combination.payee === owner ? ANY : combination.payee;
  const feePayer = feePaidBy === 'OWNER' ? owner : 'house-of-the-gas-payer';
  const estates = new Map<string, string>([
    ['house-of-the-gas-payer', 'HOUSE'],
    [payee, destinationClass === 'MANAGED_HOUSE' ? 'HOUSE' : 'CLIENT'],
    [owner, estate],
  ]);
  return {
    principal: uid('Member', combination.member),
    action: uid('Action', 'transfer'),
    resource: uid('Wallet', combination.wallet),
    entities: [
      { uid: uid('Member', combination.member), attrs: {}, parents: [uid('Role', combination.role)] },
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
      inputOwners: [entity('Owner', owner)],
      changeOwners: [entity('Owner', owner)],
      destination: {
        address: combination.address,
        class: entity('DestinationClass', destinationClass),
        owner: entity('Owner', payee),
        ...(destinationClass === 'DESTINATION' && { ageSeconds: combination.ageSeconds }),
      },
      call: { contract: combination.contract, selector: combination.selector },
      minuteOfDayUtc: combination.minuteOfDayUtc,
      weekdayUtc: entity('Weekday', combination.weekdayUtc),
      charterSequence: combination.charterSequence,
    },
  };
}
