import { amountSchema, assetIdSchema, INTENT_PURPOSES, isDecimalAmount } from '@bulkhead/intent';
import { z } from 'zod';

/** Caps are read on every decision: they must be numbers from the start. */
const capSchema = amountSchema.refine(isDecimalAmount, 'a decimal string of the smallest unit');

export const limitsSchema = z.strictObject({
  maxFeeSat: capSchema,
  maxFeeRateSatVb: z.int().min(1).max(5000),
  /** The most that the house's gas payer may burn on one transaction: a one-way gift to the client (invariant 8). */
  maxGasCostWei: capSchema,
  feeInvoices: z.array(z.strictObject({ asset: assetIdSchema, maxAmount: capSchema })).max(100),
  /** The most that one test payment may be; not named: none in any asset. */
  testPayments: z
    .array(z.strictObject({ asset: assetIdSchema, maxAmount: capSchema }))
    .max(100)
    .optional(),
});
export type Limits = z.infer<typeof limitsSchema>;

/**
 * What each quorum decides. An act or purpose without a quorum is refused. Where the same act can tighten or loosen,
 * each direction has a quorum of its own: tightening is at once and can ask for fewer people; loosening can have a delay.
 */
export const GOVERNED = [
  'house.open',
  'client.open',
  'asset.list',
  'proprietary-address.declare',
  'wallet.open',
  'wallet.replace-key',
  'wallet.key-replaced',
  'mpc-wallet.reshare',
  'mpc-wallet.withdraw',
  'mpc-wallet.switch',
  'destination.approve',
  'destination.approve-look-alike',
  'destination.revoke',
  'member.enrol',
  'member.revoke',
  'quorum.loosen',
  'quorum.tighten',
  'limits.raise',
  'limits.lower',
  'rules.loosen',
  'rules.tighten',
  'group.set',
  'calendar.set',
  'signer.enrol',
  'signer.retire',
  'key.suspend',
  'key.activate',
  'key.retire',
  'key.destroy',
  'key.review',
  'freeze',
  'unfreeze',
  'incident.close',
  'policy.set',
  'policy.remove',
  'pending.enact',
  'pending.veto',
  'break-glass',
  ...INTENT_PURPOSES.map((purpose) => `transfer.${purpose}` as const),
] as const;
export type Governed = (typeof GOVERNED)[number];

/** Decisions that widen what is allowed, or cannot be undone: they may be given a delay, during which they can be vetoed. */
export const LOOSENING = [
  'house.open',
  'client.open',
  'asset.list',
  'wallet.open',
  'wallet.replace-key',
  'mpc-wallet.reshare',
  'destination.approve',
  'destination.approve-look-alike',
  'member.enrol',
  'quorum.loosen',
  'limits.raise',
  'rules.loosen',
  'group.set',
  'calendar.set',
  'signer.enrol',
  'key.activate',
  'key.destroy',
  'unfreeze',
  'incident.close',
  'policy.set',
  'policy.remove',
  'break-glass',
] as const satisfies readonly Governed[];
export type Loosening = (typeof LOOSENING)[number];

export const isLoosening = (governed: Governed): governed is Loosening =>
  (LOOSENING as readonly Governed[]).includes(governed);

/** Who spends must not decide how much may be spent: these take a compliance officer's approval, whatever else they take. */
export const DUTY_OF_COMPLIANCE: readonly Governed[] = [
  // it can name a recovery key, which spends alone after a while
  'wallet.open',
  'wallet.replace-key',
  'wallet.key-replaced',
  'mpc-wallet.reshare',
  'member.enrol',
  'quorum.loosen',
  'limits.raise',
  'rules.loosen',
  'group.set',
  'calendar.set',
  'signer.enrol',
  'key.activate',
  'key.destroy',
  'unfreeze',
  'incident.close',
  'destination.approve',
  'destination.approve-look-alike',
  'break-glass',
];

/** Who operates signers starts this, and approves no transfer. */
export const STARTED_BY_ENGINEERS: readonly Governed[] = ['signer.enrol', 'mpc-wallet.reshare'];

/** Who approves transfers does not write policy: compliance alone starts these, and somebody of another duty agrees. */
export const WRITTEN_BY_COMPLIANCE: readonly Governed[] = ['policy.set', 'policy.remove'];

/** 30 days: nothing that a firm needs in trouble is further away than that, break-glass included. */
export const LONGEST_DELAY_SECONDS = 2_592_000;

/** How the charter itself is kept: seconds that loosenings wait, and floors under every quorum. */
export const rulesSchema = z.strictObject({
  /**
   * Seconds that a loosening waits before it can be put into force; what is not named does not wait. `rules.loosen`
   * waits at least as long as the longest of the others; so does `break-glass`, and an hour where it is not named.
   * `key.destroy` waits an hour, too, where it is not named.
   */
  delaySeconds: z
    .partialRecord(z.enum(LOOSENING), z.int().min(0).max(LONGEST_DELAY_SECONDS))
    .refine((delays) => delays['break-glass'] !== 0, 'break-glass always waits'),
  /** The fewest distinct people whose approval any quorum asks for, the initiator not counted. */
  fewestApprovers: z.int().min(1).max(20),
  /** The fewest distinct groups that any quorum asks. */
  fewestGroups: z.int().min(1).max(6),
  /** ISO 4217 code of the currency that policies compare amounts in; prices in another one do not count. */
  referenceCurrency: z.string().regex(/^[A-Z]{3}$/),
  /** How old an attested price may be and still count. */
  priceMaxAgeSeconds: z.int().min(1).max(86_400),
  /** Days after which the keys of a wallet are to be looked at again; {@link USUAL_KEY_REVIEW_DAYS} where not named. */
  keyReviewDays: z.int().min(1).max(3_650).optional(),
});
export type Rules = z.infer<typeof rulesSchema>;

export const USUAL_KEY_REVIEW_DAYS = 365;

export const USUAL_RULES: Rules = {
  delaySeconds: {},
  fewestApprovers: 1,
  fewestGroups: 1,
  referenceCurrency: 'USD',
  priceMaxAgeSeconds: 300,
};
