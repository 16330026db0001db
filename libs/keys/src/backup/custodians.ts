import { randomBytes } from 'node:crypto';
import { accepted, refused, type Digest, type Result } from '@bulkhead/intent';
import { combine, split } from 'shamir-secret-sharing';
import { WRAPPING_SECRET_BYTES } from '../host/protocol.js';
import { FEWEST_PASSPHRASE_BYTES, openShare, sealShare, type ShareFile } from './share.js';
import { wrappingCheck } from './wrapping-secret.js';

const SET_BYTES = 16;

export interface Custodian {
  readonly custodian: string;
  /** At least {@link FEWEST_PASSPHRASE_BYTES}. The caller wipes it. */
  readonly passphrase: Uint8Array;
}

export interface DealTerms {
  readonly firm: Digest;
  readonly wrappingKey: string;
  /** How many custodians it takes; the rest may be away. */
  readonly threshold: number;
}

/** Whoever holds a share, with the passphrase that they give now. */
export interface BroughtShare {
  readonly file: ShareFile;
  readonly passphrase: Uint8Array;
}

/**
 * Makes a new wrapping secret, deals it to custodians (Shamir over GF(2^8), byte by byte), and has `use` do with it what
 * has to be done before it is wiped. Every share is opened again first, and the secret put together from the first and
 * from the last `threshold` of them.
 */
export async function dealNewSecret<T>(
  terms: DealTerms,
  custodians: readonly Custodian[],
  use: (files: readonly ShareFile[], secret: Uint8Array) => Promise<T>,
): Promise<Result<T>> {
  const sound = checkDeal(terms, custodians);
  if (!sound.ok) return sound;
  const secret = Uint8Array.from(randomBytes(WRAPPING_SECRET_BYTES));
  try {
    const files = await deal(terms, custodians, secret);
    const brought = files.map((file, place) => ({
      file,
      passphrase: custodians[place]?.passphrase ?? new Uint8Array(),
    }));
    for (const some of [brought.slice(0, terms.threshold), brought.slice(-terms.threshold)]) {
      const again = await withSecretOf(some, (found) => Promise.resolve(Buffer.compare(found, secret) === 0));
      if (!again.ok || !again.value) throw new Error('shares that were dealt do not give the secret again');
    }
    return accepted(await use(files, secret));
  } finally {
    secret.fill(0);
  }
}

function checkDeal({ threshold }: DealTerms, custodians: readonly Custodian[]): Result<true> {
  const names = custodians.map(({ custodian }) => custodian);
  if (threshold < 2 || threshold > names.length || new Set(names).size !== names.length)
    return refused('backup.malformed', 'A secret is shared by custodians named once each, and takes two at least.', {
      threshold: String(threshold),
      custodians: names.join(', '),
    });
  const short = custodians.find(({ passphrase }) => passphrase.length < FEWEST_PASSPHRASE_BYTES);
  if (!short) return accepted(true);
  return refused(
    'backup.passphrase-too-short',
    `The passphrase of ${short.custodian} has less than ${FEWEST_PASSPHRASE_BYTES} bytes.`,
    { custodian: short.custodian },
  );
}

async function deal(terms: DealTerms, custodians: readonly Custodian[], secret: Uint8Array): Promise<ShareFile[]> {
  const set = randomBytes(SET_BYTES).toString('hex');
  const check = wrappingCheck(secret);
  const names = custodians.map(({ custodian }) => custodian);
  const shares = await split(secret, names.length, terms.threshold);
  try {
    const files: ShareFile[] = [];
    for (const [place, { custodian, passphrase }] of custodians.entries()) {
      const share = shares[place];
      if (!share) throw new Error('there is a share for each custodian');
      files.push(await sealShare({ ...terms, check, set, custodians: names, custodian }, share, passphrase));
    }
    return files;
  } finally {
    for (const share of shares) share.fill(0);
  }
}

/**
 * Whether these shares could be put together: of one set (`backup.shares-mixed`), of one custodian each
 * (`backup.share-repeated`), and enough of them (`backup.shares-too-few`). Needs no passphrase.
 */
export function checkShareSet(files: readonly ShareFile[]): Result<ShareFile> {
  const [first] = files;
  if (!first) return refused('backup.shares-too-few', 'There are no shares.', { given: '0' });
  const stranger = files.find((file) => setOf(file) !== setOf(first));
  if (stranger)
    return refused('backup.shares-mixed', 'The shares were not dealt together.', {
      one: `${first.custodian}: ${first.set}`,
      other: `${stranger.custodian}: ${stranger.set}`,
    });
  const repeated = files.find(({ custodian }, place) =>
    files.slice(0, place).some((one) => one.custodian === custodian),
  );
  if (repeated)
    return refused('backup.share-repeated', `The share of ${repeated.custodian} is given twice.`, {
      custodian: repeated.custodian,
    });
  if (files.length >= first.threshold) return accepted(first);
  return refused('backup.shares-too-few', `It takes ${first.threshold} shares, and ${files.length} are given.`, {
    threshold: String(first.threshold),
    given: String(files.length),
    others: first.custodians.filter((name) => files.every(({ custodian }) => custodian !== name)).join(', '),
  });
}

const setOf = ({ firm, wrappingKey, check, set, threshold, custodians }: ShareFile): string =>
  JSON.stringify([firm, wrappingKey, check, set, threshold, custodians]);

/**
 * Puts the secret together from the shares, gives it to `use`, and wipes it. What came out must be what the shares say of
 * it (`backup.secret-mismatch`).
 */
export async function withSecretOf<T>(
  brought: readonly BroughtShare[],
  use: (secret: Uint8Array) => Promise<T>,
): Promise<Result<T>> {
  const sound = checkShareSet(brought.map(({ file }) => file));
  if (!sound.ok) return sound;
  const shares: Uint8Array[] = [];
  let secret: Uint8Array | undefined;
  try {
    for (const { file, passphrase } of brought) {
      const share = await openShare(file, passphrase);
      if (!share.ok) return share;
      shares.push(share.value);
    }
    secret = await combine(shares);
    if (secret.length !== WRAPPING_SECRET_BYTES || wrappingCheck(secret) !== sound.value.check)
      return refused('backup.secret-mismatch', 'The shares give another secret than they say.', {
        check: sound.value.check,
      });
    return accepted(await use(secret));
  } finally {
    for (const share of shares) share.fill(0);
    secret?.fill(0);
  }
}
