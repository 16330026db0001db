import { resolve } from 'node:path';
import { memberSchema, type Member } from '@bulkhead/approval';
import { digestSchema, slugSchema, type Digest } from '@bulkhead/intent';
import { MOST_CUSTODIANS, wrappingKeyIdSchema, type ShareFile } from '@bulkhead/keys';
import { z } from 'zod';
import { parsePlan, planTerms } from '../../ceremony/plan-file.js';
import type { Announced, CeremonyToken, Rota } from '../../ceremony/steps.js';
import { Failure } from '../../stack/index.js';
import { readShare } from './share-folder.js';

/** Paths are relative to the file. No secret stands in it. */
const common = {
  ...planTerms,
  /** Hash of the firm's genesis entry, and those of its members who sign steps. */
  firm: digestSchema,
  members: z.array(memberSchema).min(2),
} as const;
const createSchema = z.strictObject({
  ...common,
  wrappingKey: wrappingKeyIdSchema,
  threshold: z.int().min(2).max(MOST_CUSTODIANS),
  custodians: z.array(slugSchema).min(2).max(MOST_CUSTODIANS),
  /** Made by the ceremony; each custodian takes their file out of it. */
  sharesFolder: z.string(),
});
const installSchema = z.strictObject({
  ...common,
  /** The custodians' files; those whose passphrase is not given are left out. */
  shares: z.array(z.string()).min(1),
});

interface Plan extends Announced {
  readonly name: string;
  readonly firm: Digest;
  readonly members: readonly Member[];
  readonly digest: Digest;
  readonly rota: Rota;
  readonly tokens: readonly CeremonyToken[];
}

/** A wrapping key is made, dealt to custodians and put into tokens. */
export interface CreatePlan extends Plan {
  readonly wrappingKey: string;
  readonly threshold: number;
  readonly custodians: readonly string[];
  readonly sharesFolder: string;
}

/** Custodians put a wrapping key together again, for other tokens. */
export interface InstallPlan extends Plan {
  readonly shares: readonly ShareFile[];
}

/** @throws Failure when the file is no such plan */
export function readCreatePlan(file: string): CreatePlan {
  const { plan, from, tokens, digest } = parsePlan(file, createSchema);
  const { sharesFolder, ...terms } = plan;
  if (terms.threshold > terms.custodians.length || new Set(terms.custodians).size !== terms.custodians.length)
    throw new Failure(`${file}: custodians are named once each, and the threshold is not above their number.`);
  return { ...terms, digest, tokens: withBackup(tokens), sharesFolder: resolve(from, sharesFolder) };
}

/** @throws Failure when the file is no such plan */
export function readInstallPlan(file: string): InstallPlan {
  const { plan, from, tokens, digest } = parsePlan(file, installSchema);
  const { shares, ...terms } = plan;
  const files = shares.map((share) => readShare(resolve(from, share)));
  return { ...terms, digest, tokens: withBackup(tokens), shares: files };
}

/** A wrapping key in a token whose keys never leave would only be something to lose. */
function withBackup(tokens: readonly CeremonyToken[]): readonly CeremonyToken[] {
  const none = tokens.find(({ profile }) => profile.keyBackup !== 'wrapped');
  if (tokens.length === 0) throw new Failure('The plan names no token.');
  if (!none) return tokens;
  throw new Failure(
    `The profile of ${none.signer} does not say "keyBackup": "wrapped".`,
    'Its keys never leave its token, which is the default: see docs/decisions/0035-wrapped-backups.md.',
  );
}
