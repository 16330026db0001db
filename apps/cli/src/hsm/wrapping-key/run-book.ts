import type { Facts } from '@bulkhead/evidence';
import { orThrow, refused } from '@bulkhead/intent';
import { checkShareSet, dealNewSecret, withSecretOf, type BroughtShare, type ShareFile } from '@bulkhead/keys';
import type { RunBook } from '../../ceremony/conduct.js';
import { openingSteps, staffed, tokenSteps, withStore, type CeremonyToken } from '../../ceremony/steps.js';
import { Failure } from '../../stack/index.js';
import type { Passphrases } from './passphrases.js';
import type { CreatePlan, InstallPlan } from './plan-file.js';
import { shareHash, sharesIn, writeShares } from './share-folder.js';

/** A wrapping key is made in one process, dealt to its custodians, and put into the tokens that it is for. */
export function createRunBook(plan: CreatePlan, passphrases: Passphrases): RunBook {
  const title = `The wrapping key ${plan.wrappingKey} is made, dealt to ${plan.threshold} of ${plan.custodians.length} custodians, and put into the tokens`;
  return book(plan, title, () => create(plan, passphrases));
}

/** Enough of its custodians put a wrapping key together, for another token. */
export function installRunBook(plan: InstallPlan, passphrases: Passphrases): RunBook {
  const { wrappingKey, threshold } = orThrow(checkShareSet(plan.shares));
  const title = `The wrapping key ${wrappingKey} is put together by ${threshold} custodians, and put into the tokens`;
  return book(plan, title, () => install(plan, plan.shares, passphrases));
}

const book = (plan: CreatePlan | InstallPlan, title: string, run: () => Promise<Facts>): RunBook => ({
  name: plan.name,
  firm: plan.firm,
  plan: plan.digest,
  members: plan.members,
  steps: staffed(
    [...openingSteps(plan), ...plan.tokens.flatMap(tokenSteps), { id: 'wrapping-key', title, run }],
    plan.rota,
  ),
  genesis: () => undefined,
});

/**
 * The shares are on the disk before the key is in a token. A run that was interrupted after that finds them, and has the
 * custodians put the same secret together again.
 */
async function create(plan: CreatePlan, passphrases: Passphrases): Promise<Facts> {
  const { firm, wrappingKey, threshold, custodians, sharesFolder } = plan;
  const dealt = sharesIn(sharesFolder, custodians);
  if (dealt) {
    requireOwn(plan, dealt);
    return install(plan, dealt, passphrases);
  }
  const chosen: { custodian: string; passphrase: Uint8Array }[] = [];
  try {
    for (const custodian of custodians) {
      const passphrase = await passphrases.of(custodian, true);
      if (!passphrase) throw new Failure(`${custodian} has given no passphrase.`, 'Every custodian is there for this.');
      chosen.push({ custodian, passphrase });
    }
    const terms = { firm, wrappingKey, threshold };
    return orThrow(
      await dealNewSecret(terms, chosen, (files, secret) => {
        writeShares(sharesFolder, files);
        return intoTokens(plan.tokens, files, secret);
      }),
    );
  } finally {
    for (const { passphrase } of chosen) passphrase.fill(0);
  }
}

/** Shares of an earlier ceremony must not be taken for those of this one. */
function requireOwn({ sharesFolder, ...plan }: CreatePlan, dealt: readonly ShareFile[]): void {
  const { wrappingKey, threshold, custodians } = orThrow(checkShareSet(dealt));
  const same =
    wrappingKey === plan.wrappingKey && threshold === plan.threshold && custodians.join() === plan.custodians.join();
  if (same) return;
  throw new Failure(`${sharesFolder} has the shares of another wrapping key or other custodians.`, 'Name another.');
}

async function install(
  { firm, tokens }: CreatePlan | InstallPlan,
  shares: readonly ShareFile[],
  passphrases: Passphrases,
): Promise<Facts> {
  const { threshold, firm: sharesFirm } = orThrow(checkShareSet(shares));
  if (sharesFirm !== firm)
    orThrow(refused('backup.shares-mixed', 'The shares are of another firm.', { shares: sharesFirm, firm }));
  const brought: BroughtShare[] = [];
  try {
    for (const file of shares) {
      if (brought.length === threshold) break;
      const passphrase = await passphrases.of(file.custodian, false);
      if (passphrase) brought.push({ file, passphrase });
    }
    const here = brought.map(({ file }) => file);
    const facts = orThrow(await withSecretOf(brought, (secret) => intoTokens(tokens, shares, secret)));
    return { ...facts, 'put together by': here.map(({ custodian }) => custodian).join(', ') };
  } finally {
    for (const { passphrase } of brought) passphrase.fill(0);
  }
}

/** Each token gives its check value once it was opened anew; it must be the one that the shares name. */
async function intoTokens(
  tokens: readonly CeremonyToken[],
  shares: readonly ShareFile[],
  secret: Uint8Array,
): Promise<Facts> {
  const { wrappingKey, check, set, threshold, custodians } = orThrow(checkShareSet(shares));
  const facts: Record<string, string> = {
    'wrapping key': wrappingKey,
    check,
    set,
    custodians: `${threshold} of ${custodians.join(', ')}`,
  };
  for (const share of shares) facts[`share of ${share.custodian} sha256`] = shareHash(share);
  for (const token of tokens) {
    const found = await withStore(token, async (store) => orThrow(await store.installWrappingKey(wrappingKey, secret)));
    if (found !== check) throw new Failure(`${token.signer} has another wrapping key ${wrappingKey}.`);
    facts[`check in ${token.signer}`] = found;
  }
  return facts;
}
