import { keyLife, USUAL_KEY_REVIEW_DAYS, type CharterState, type KeyState, type Wallet } from '@bulkhead/charter';
import type { MadeKey } from '@bulkhead/evidence';
import type { Refusal } from '@bulkhead/intent';
import type { HeldKey, KEY_CLASSES, SignerKeys } from '../../signers/answers.js';
import type { SignerAnswer } from '../../signers/signers.service.js';

/** Where the charter, a signer's record and its token do not say the same. */
export const DIFFERENCES = [
  /** The charter names it, the token does not have it. */
  'NOT_IN_TOKEN',
  /** The token's key of this name is another one. */
  'OTHER_KEY_IN_TOKEN',
  /** The charter says that it is destroyed, and it is not. */
  'STILL_IN_TOKEN',
  /** Nobody knows where it comes from. */
  'UNKNOWN_KEY',
  /** The signer has another state in its replica: it lacks entries. */
  'STATE_DIFFERS',
  /** The token's key is not as a custody key must be. */
  'ATTRIBUTES_WRONG',
  /** The token is not the one that the charter names for this signer. */
  'OTHER_TOKEN',
  /** The signer does not answer: only the charter speaks. */
  'NOT_REPORTED',
] as const;
export type Difference = (typeof DIFFERENCES)[number];

export interface InventoryKey {
  readonly keyClass: (typeof KEY_CLASSES)[number];
  readonly algorithm: string;
  /** In the token, where it is known. */
  readonly label: string | null;
  readonly publicKey: string | null;
  readonly wallet: string | null;
  readonly owner: string | null;
  readonly signer: string;
  readonly tokenSerial: string | null;
  readonly holder: string | null;
  readonly place: string | null;
  /** By the charter; null for a key that it does not speak of. */
  readonly state: KeyState | null;
  readonly since: string | null;
  readonly reason: string | null;
  readonly inToken: boolean | null;
  readonly attributes: Readonly<Record<string, boolean>> | null;
  readonly createdAt: string | null;
  readonly destroyedAt: string | null;
  readonly lastUsedAt: string | null;
  readonly uses: number | null;
  readonly reviewedAt: string | null;
  /** Null where nothing is to be reviewed: the charter does not speak of it, or it is destroyed. */
  readonly nextReviewAt: string | null;
  readonly isReviewOverdue: boolean;
  readonly differences: readonly Difference[];
}

export interface Inventory {
  readonly keys: readonly InventoryKey[];
  /** Signers that did not answer. */
  readonly silent: readonly { readonly signer: string; readonly refusal: Refusal }[];
}

const DAY_MS = 86_400_000;

/**
 * All keys: those of the charter first, wallet by wallet, then what tokens hold besides.
 *
 * @param made at the genesis ceremony, before signers kept records: each in the token of its signer only
 */
export function mergeInventory(
  state: CharterState,
  answers: readonly SignerAnswer<SignerKeys>[],
  now: Date,
  made: readonly MadeKey[] = [],
): Inventory {
  const reports = new Map(
    answers.flatMap(({ signer, result }) => (result.ok ? [[signer, result.value] as const] : [])),
  );
  const named = namedKeys(state);
  const ofCharter = named.map((key) => charterKey(state, key, reports.get(key.signer), now));
  const known = new Set(named.map(({ signer, publicKey }) => `${signer} ${publicKey}`));
  const others = [...reports.values()].flatMap((report) =>
    report.keys
      .filter(({ publicKey }) => publicKey === null || !known.has(`${report.signer} ${publicKey}`))
      .map((held) => otherKey(state, report, asMade(report, held, made))),
  );
  const silent = answers.flatMap(({ signer, result }) => (result.ok ? [] : [{ signer, refusal: result.refusal }]));
  return { keys: [...ofCharter, ...others], silent };
}

interface NamedKey {
  readonly wallet: Wallet;
  readonly signer: string;
  readonly publicKey: string;
}

/** In their wallets, and those that were and have ended. */
function namedKeys(state: CharterState): NamedKey[] {
  const inForce = [...state.wallets.values()].flatMap((wallet) => wallet.keys.map((key) => ({ wallet, ...key })));
  const keys = new Set(inForce.map(({ publicKey }) => publicKey));
  const former = [...state.formerKeys].flatMap(([id, sets]) => {
    const wallet = state.wallets.get(id);
    const ended = new Map(sets.flatMap((set) => set.keys.map((key) => [key.publicKey, key] as const)));
    return wallet ? [...ended.values()].map((key) => ({ wallet, ...key })) : [];
  });
  return [...inForce, ...former.filter(({ publicKey }) => !keys.has(publicKey))];
}

function charterKey(
  state: CharterState,
  { wallet, signer, publicKey }: NamedKey,
  report: SignerKeys | undefined,
  now: Date,
): InventoryKey {
  const life = keyLife(state, { wallet: wallet.id, signer, publicKey });
  const held = report?.keys.find((key) => key.publicKey === publicKey);
  const differences = [...ofToken(state, signer, report)];
  if (!report) differences.push('NOT_REPORTED');
  else if (life?.state === 'DESTROYED') differences.push(...(held?.inToken ? (['STILL_IN_TOKEN'] as const) : []));
  else if (!held?.inToken && !isGivenUp(wallet, publicKey)) differences.push(missing(report, wallet));
  if (held && held.state !== null && held.state !== life?.state) differences.push('STATE_DIFFERS');
  return {
    ...placed(signer, report),
    ...used(held),
    keyClass: classOf(wallet),
    algorithm: algorithmOf(classOf(wallet)),
    publicKey,
    wallet: wallet.id,
    owner: wallet.owner,
    state: life?.state ?? null,
    since: life?.since ?? null,
    reason: life?.reason === '' ? null : (life?.reason ?? null),
    inToken: report ? (held?.inToken ?? false) : null,
    ...reviewOf(state, wallet.id, life?.state, now),
    differences,
  };
}

/** A key that the signer has no record of, but the ceremony's transcript has: it waits for its wallet. */
function asMade({ signer }: SignerKeys, held: HeldKey, made: readonly MadeKey[]): HeldKey {
  const found = made.find(
    (key) => key.signer === signer && key.wallet === held.label && key.publicKey === held.publicKey,
  );
  return found && held.state === null
    ? { ...held, keyClass: 'QUORUM', wallet: found.wallet, state: 'PRE_ACTIVE' }
    : held;
}

/** Made for a wallet that is not open yet, a key that seals or wraps, or nobody's. */
function otherKey(state: CharterState, report: SignerKeys, held: HeldKey): InventoryKey {
  const isUnknown = held.keyClass === 'UNKNOWN' || (held.publicKey !== null && held.state === null);
  const differences: Difference[] = [...ofToken(state, report.signer, report)];
  if (held.problem !== null) differences.push('ATTRIBUTES_WRONG');
  else if (isUnknown) differences.push('UNKNOWN_KEY');
  return {
    ...placed(report.signer, report),
    ...used(held),
    keyClass: isUnknown ? 'UNKNOWN' : held.keyClass,
    algorithm: algorithmOf(held.keyClass),
    publicKey: held.publicKey,
    wallet: held.wallet,
    owner: state.wallets.get(held.wallet ?? '')?.owner ?? null,
    state: held.state,
    since: null,
    reason: null,
    inToken: held.inToken,
    reviewedAt: null,
    nextReviewAt: null,
    isReviewOverdue: false,
    differences,
  };
}

/** A share that was dealt anew to others is destroyed by whoever had it, without an act. */
const isGivenUp = ({ kind, keys }: Wallet, publicKey: string): boolean =>
  kind === 'taproot-mpc' && !keys.some((key) => key.publicKey === publicKey);

const placed = (signer: string, report: SignerKeys | undefined) => ({
  signer,
  tokenSerial: report?.token.serial.trim() ?? null,
  holder: report?.holder ?? null,
  place: report?.place ?? null,
});

const used = (held: HeldKey | undefined) => ({
  label: held?.label ?? null,
  attributes: held?.attributes ?? null,
  createdAt: held?.createdAt ?? null,
  destroyedAt: held?.destroyedAt ?? null,
  lastUsedAt: held?.lastUsedAt ?? null,
  uses: held?.uses ?? null,
});

function ofToken(state: CharterState, signer: string, report: SignerKeys | undefined): Difference[] {
  const named = state.signers.get(signer)?.tokenSerial?.trim();
  return report && named !== undefined && named !== report.token.serial.trim() ? ['OTHER_TOKEN'] : [];
}

function missing({ keys }: SignerKeys, wallet: Wallet): Difference {
  const sameName = keys.find(({ label, inToken }) => label === wallet.id && inToken);
  if (!sameName) return 'NOT_IN_TOKEN';
  return sameName.publicKey === null ? 'ATTRIBUTES_WRONG' : 'OTHER_KEY_IN_TOKEN';
}

function classOf({ kind }: Wallet): InventoryKey['keyClass'] {
  if (kind === 'gas-payer') return 'GAS';
  return kind === 'taproot-mpc' ? 'MPC_SHARE' : 'QUORUM';
}

function algorithmOf(keyClass: InventoryKey['keyClass']): string {
  switch (keyClass) {
    case 'QUORUM':
    case 'GAS':
      return 'ECDSA secp256k1';
    case 'UNKNOWN':
      return 'not known';
    case 'MPC_SHARE':
      return 'FROST secp256k1 (BIP-340)';
    case 'SEAL':
      return 'AES-256-GCM';
    case 'WRAPPING':
      return 'AES-256 key wrap (RFC 5649)';
    case 'BINDING':
      return 'HMAC-SHA-256';
  }
}

/** The opening of a wallet is the first time that its keys were looked at. */
function reviewOf(
  state: CharterState,
  wallet: string,
  life: KeyState | undefined,
  now: Date,
): Pick<InventoryKey, 'reviewedAt' | 'nextReviewAt' | 'isReviewOverdue'> {
  const reviewedAt = state.keyReviews.get(wallet) ?? null;
  if (reviewedAt === null || life === undefined || life === 'DESTROYED')
    return { reviewedAt, nextReviewAt: null, isReviewOverdue: false };
  const days = state.rules.keyReviewDays ?? USUAL_KEY_REVIEW_DAYS;
  const next = new Date(Date.parse(reviewedAt) + days * DAY_MS);
  return { reviewedAt, nextReviewAt: next.toISOString(), isReviewOverdue: next <= now };
}
