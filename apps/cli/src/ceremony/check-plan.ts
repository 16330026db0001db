import { checkGenesis } from '@bulkhead/charter';
import { applyLine, nextLine, type Facts, type Transcript } from '@bulkhead/evidence';
import { orThrow, RefusalError } from '@bulkhead/intent';
import { z } from 'zod';
import { requireVariables } from '../hsm/open-token.js';
import { Failure, readJsonFile, requirePrivateFile } from '../stack/index.js';
import { expect, moduleFacts } from './checks.js';
import { openingOf, show, type RunBook, type RunBookStep } from './conduct.js';
import { peopleAtTerminal } from './people.js';
import { readPlan } from './plan-file.js';
import { genesisRunBook } from './run-book.js';
import type { CeremonyToken } from './steps.js';
import { readTokenPlan } from './token-plan-file.js';
import { tokenRunBook } from './token-run-book.js';

/** What a plan leads to. */
interface Planned {
  readonly book: RunBook;
  readonly tokens: readonly CeremonyToken[];
  /** @throws RefusalError when the charter would not begin so */
  readonly requireSound: () => void;
}

/**
 * Says what a ceremony would do by this plan, step by step, and does of it what writes nothing: the program and each
 * module are compared with what was announced, each token and its PIN file are looked at.
 *
 * @returns how much would stop it
 * @throws Failure when the file is no plan
 */
export async function checkPlan(file: string, tell: (line: string) => void): Promise<number> {
  const { book, tokens, requireSound } = plannedIn(file);
  const opening = openingOf(book, 'terminal');
  tell(`${book.name}: ${book.firm === undefined ? 'a genesis' : `of firm ${book.firm}`}\nplan ${book.plan ?? ''}`);
  let obstacles = 0;
  const tried = async (attempt: () => Promise<Facts>): Promise<void> => {
    try {
      show({ tell }, await attempt());
    } catch (error) {
      if (!(error instanceof Failure || error instanceof RefusalError)) throw error;
      obstacles += 1;
      tell(`  STOPS IT: ${error.message}`);
    }
  };
  const opened = applyLine(undefined, nextLine(undefined, new Date().toISOString(), opening));
  await tried(() => {
    requireSound();
    orThrow(opened);
    return Promise.resolve({});
  });
  for (const step of book.steps) {
    tell(`\n${step.id}: ${step.title} (${step.performer}, witnessed by ${step.witness})`);
    const token = tokens.find(({ signer }) => step.id === `token:${signer}`);
    if (token) await tried(() => tokenAsItIs(token));
    else if (opened.ok) await tried(() => harmless(step, opened.value));
  }
  return obstacles;
}

function plannedIn(file: string): Planned {
  const { genesis } = readJsonFile(file, 'a plan of a ceremony', z.looseObject({ genesis: z.unknown().optional() }));
  if (genesis === undefined) {
    const plan = readTokenPlan(file);
    return { book: tokenRunBook(plan), tokens: plan.tokens, requireSound: () => undefined };
  }
  const plan = readPlan(file, peopleAtTerminal());
  return {
    book: genesisRunBook(plan),
    tokens: plan.tokens,
    requireSound: () => {
      orThrow(checkGenesis(plan.act));
    },
  };
}

/** Steps that only look. The others are named and not done. */
const harmless = (step: RunBookStep, so: Transcript): Promise<Facts> =>
  /^(?:roles|tool|module:.*)$/.test(step.id) ? step.run(so) : Promise.resolve({});

/** A token and its PIN files as the ceremony would find them. */
async function tokenAsItIs({
  profile,
  label,
  env,
  pinFile,
  soPinFile,
  firmware,
  serial,
}: CeremonyToken): Promise<Facts> {
  requireVariables(profile, env);
  const { tokens } = await moduleFacts(profile, env);
  const [named, ...others] = tokens.filter((token) => token.isInitialised && token.label === label);
  if (others.length > 0) throw new Failure(`${others.length + 1} tokens have the label ${label}.`);
  const seen = named ?? tokens.find((token) => !token.isInitialised);
  if (!seen) throw new Failure(`There is no token ${label}${soPinFile === undefined ? '' : ', and no blank one'}.`);
  const compared = expect('The firmware', seen.firmware, firmware);
  if (!named) {
    if (soPinFile === undefined) throw new Failure(`No token has the label ${label}.`, 'Its officers initialise it.');
    return { label, firmware: compared, initialised: 'will be, with random PINs in new files' };
  }
  for (const pin of [pinFile, soPinFile]) if (pin !== undefined) requirePrivateFile(pin, 'the PIN of a token');
  return { label, serial: expect('The token’s serial number', named.serial, serial), firmware: compared };
}
