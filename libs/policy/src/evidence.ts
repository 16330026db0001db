import { OWNER_SWAP, type AssetId, type Digest, type IntentPurpose } from '@bulkhead/intent';
import type { CharterState } from '@bulkhead/charter';
import type { Attestation } from './attestation.js';
import { policiesInForce } from './cedar/in-force.js';

/** Rolling windows, in seconds. A month is 30 days. */
export const WINDOWS = { hour: 3_600, day: 86_400, week: 604_800, month: 2_592_000 } as const;
export type Window = keyof typeof WINDOWS;
export const WINDOW_NAMES = Object.keys(WINDOWS) as readonly Window[];

/**
 * Whose past spends are counted, always of the transfer's asset: out of its wallet, out of all wallets of its owner, of
 * the whole firm, of its owner to its payee, and started by its initiator for whomever.
 */
export const VELOCITY_SUBJECTS = ['wallet', 'client', 'asset', 'destination', 'initiator'] as const;
export type VelocitySubject = (typeof VELOCITY_SUBJECTS)[number];

/** An amount in the asset's smallest unit, and how many transfers it is of. */
export interface Spent {
  readonly amount: bigint;
  readonly count: number;
}
/** What was agreed to before, not counting the transfer in question. */
export type Velocity = Readonly<Record<VelocitySubject, Readonly<Record<Window, Spent>>>>;

/** What the evaluator itself remembers of earlier transfers: a signer of what it has agreed to sign. */
export interface History {
  readonly velocity: Velocity;
  /** Whether the owner has paid this payee with a test payment before. */
  readonly testPaid: boolean;
}

/** All that is decided on besides the charter, the bytes and the approvals. */
export interface Evidence extends History {
  /** Statements of attestors that came with the request: each is verified, and one that does not hold refuses. */
  readonly attestations: readonly Attestation[];
}

/** A transfer that was agreed to: one spend, whatever became of it on the chain. */
export interface PastSpend {
  readonly payloadDigest: Digest;
  readonly wallet: string;
  readonly owner: string;
  readonly asset: AssetId;
  /** In its canonical spelling. */
  readonly payee: string;
  readonly initiator: string;
  readonly purpose: IntentPurpose;
  readonly amount: bigint;
  /** RFC 3339: when it was agreed to, by the clock of whoever remembers it. */
  readonly at: string;
}

/** Of the transfer that is to be decided. Without a payload digest nothing of the past can be the transfer itself. */
export type Counted = Pick<PastSpend, 'wallet' | 'owner' | 'asset' | 'payee' | 'initiator'> & {
  readonly payloadDigest?: Digest;
};

const IS_OF: Readonly<Record<VelocitySubject, (spend: PastSpend, transfer: Counted) => boolean>> = {
  wallet: (spend, transfer) => spend.wallet === transfer.wallet,
  client: (spend, transfer) => spend.owner === transfer.owner,
  asset: () => true,
  destination: (spend, transfer) => spend.owner === transfer.owner && spend.payee === transfer.payee,
  initiator: (spend, transfer) => spend.initiator === transfer.initiator,
};

/**
 * Sums past spends up to an instant; owner swaps pay nobody and count for nothing. The transfer itself, known by its
 * payload digest, is not counted, since the fact that policies see adds it; bytes that were remembered twice are counted once, at the later time. A spend from after
 * the instant is counted: the clock of whoever remembered it was ahead, and too much is the safe side.
 *
 * @param at RFC 3339; each window is the time from its length before this, exclusive.
 */
export function velocityOf(pastSpends: Iterable<PastSpend>, transfer: Counted, at: string): Velocity {
  const now = Date.parse(at);
  const spends = distinct(pastSpends)
    .filter(({ purpose }) => purpose !== OWNER_SWAP)
    .filter(({ asset, payloadDigest }) => asset === transfer.asset && payloadDigest !== transfer.payloadDigest)
    .map((spend) => ({ spend, ageMs: now - Date.parse(spend.at) }));
  return velocityBy((subject, window) => {
    const counted = spends.filter(
      ({ spend, ageMs }) => ageMs < WINDOWS[window] * 1000 && IS_OF[subject](spend, transfer),
    );
    return { amount: counted.reduce((sum, { spend }) => sum + spend.amount, 0n), count: counted.length };
  });
}

/** Each payload once, as it was agreed to last. */
function distinct(pastSpends: Iterable<PastSpend>): PastSpend[] {
  const byDigest = new Map<string, PastSpend>();
  for (const spend of pastSpends) {
    const known = byDigest.get(spend.payloadDigest);
    if (!known || known.at < spend.at) byDigest.set(spend.payloadDigest, spend);
  }
  return [...byDigest.values()];
}

/** What an evaluator remembers, out of all its past spends. Test payments count for ever. */
export function historyOf(pastSpends: readonly PastSpend[], transfer: Counted, at: string): History {
  const testPaid = pastSpends.some(
    (spend) =>
      spend.purpose === 'TEST_PAYMENT' &&
      spend.payloadDigest !== transfer.payloadDigest &&
      spend.asset === transfer.asset &&
      IS_OF.destination(spend, transfer),
  );
  return { velocity: velocityOf(pastSpends, transfer, at), testPaid };
}

/** A velocity of whatever each subject has spent in each window. */
export function velocityBy(spent: (subject: VelocitySubject, window: Window) => Spent): Velocity {
  const windows = (subject: VelocitySubject) =>
    Object.fromEntries(WINDOW_NAMES.map((window) => [window, spent(subject, window)])) as Velocity[VelocitySubject];
  return Object.fromEntries(VELOCITY_SUBJECTS.map((subject) => [subject, windows(subject)])) as Velocity;
}

export const emptyVelocity = (): Velocity => velocityBy(() => ({ amount: 0n, count: 0 }));
/** For what has no history, and where no policy in force asks for it: see {@link needsVelocity}. */
export const NO_HISTORY: History = { velocity: emptyVelocity(), testPaid: false };
export const NO_EVIDENCE: Evidence = { ...NO_HISTORY, attestations: [] };

/** Whether any policy in force for the wallet asks for history at all. Where none does, {@link NO_HISTORY} will do. */
export const needsVelocity = (state: CharterState, owner: string, wallet: string): boolean =>
  policiesInForce(state.policies, owner, wallet).historyRead.size > 0;

export interface VelocityRead {
  readonly subject: VelocitySubject;
  readonly window: Window;
}
export const EVERY_VELOCITY: readonly VelocityRead[] = VELOCITY_SUBJECTS.flatMap((subject) =>
  WINDOW_NAMES.map((window) => ({ subject, window })),
);

/** What of the velocity any policy in force for the wallet asks for; Cedar is handed nothing else. */
export function velocityRead(state: CharterState, owner: string, wallet: string): readonly VelocityRead[] {
  const paths = [...policiesInForce(state.policies, owner, wallet).historyRead];
  return EVERY_VELOCITY.filter(({ subject, window }) => {
    const fact = `context.velocity.${subject}.${window}.`;
    // a policy can read more at once, or less
    return paths.some((path) => fact.startsWith(`${path}.`) || path.startsWith(fact));
  });
}
