import { dirname, resolve } from 'node:path';
import { genesisActSchema, type GenesisAct } from '@bulkhead/charter';
import { checkTokens, withTokens, type Transcript } from '@bulkhead/evidence';
import {
  chainIdSchema,
  digestJson,
  isBitcoinChain,
  orThrow,
  slugSchema,
  textSchema,
  type Digest,
} from '@bulkhead/intent';
import { tokenLabelSchema } from '@bulkhead/keys';
import { z } from 'zod';
import { readProfile } from '../hsm/open-token.js';
import { Failure, readJsonFile } from '../stack/index.js';
import type { People } from './conduct.js';
import { genesisIn, signedGenesis } from './genesis-signing.js';
import type { CeremonyPlan } from './run-book.js';
import type { CeremonyToken } from './steps.js';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

const tokenSchema = z.strictObject({
  signer: slugSchema,
  profileFile: z.string(),
  label: tokenLabelSchema,
  pinFile: z.string(),
  soPinFile: z.string().optional(),
  env: z.record(z.string(), z.string()).default({}),
  librarySha256: sha256Schema.optional(),
  firmware: z.string().optional(),
  holder: textSchema.min(1).max(100).optional(),
  place: textSchema.min(1).max(200).optional(),
});

type TokenTerms = z.infer<typeof tokenSchema>;

/** What every plan says: its name, who is on duty, with what program, at which tokens. */
export const planTerms = {
  name: z.string().min(1).max(100),
  rota: z.array(z.strictObject({ performer: slugSchema, witness: slugSchema })).min(1),
  toolSha256: sha256Schema.optional(),
  packageLockSha256: sha256Schema.optional(),
  tokens: z.array(tokenSchema),
} as const;

/** Stands in a ceremony's opening line, so that nothing of what was agreed can change under it. */
export const planDigest = (terms: object): Digest => digestJson('bulkhead/ceremony-plan/v1', terms);

/**
 * A plan with its tokens, and what its relative paths are relative to. Its digest is of the plan as it stands and of the
 * profiles that it names.
 *
 * @throws Failure when the file is no such plan
 */
export function parsePlan<T extends { readonly tokens: readonly TokenTerms[] }>(file: string, schema: z.ZodType<T>) {
  const plan = readJsonFile(file, 'a plan of this ceremony', schema);
  const from = dirname(resolve(file));
  const tokens = plan.tokens.map((token) => tokenOf(token, from));
  return { plan, from, tokens, digest: planDigest({ plan, profiles: tokens.map(({ profile }) => profile) }) };
}

const tokenOf = ({ profileFile, pinFile, soPinFile, ...token }: TokenTerms, from: string): CeremonyToken => ({
  ...token,
  profile: readProfile(resolve(from, profileFile)),
  pinFile: resolve(from, pinFile),
  soPinFile: soPinFile === undefined ? undefined : resolve(from, soPinFile),
});

/** What is decided before a ceremony. Paths are relative to the file. No secret stands in it. */
const planSchema = z.strictObject({
  ...planTerms,
  wallets: z.array(
    z.strictObject({
      id: slugSchema,
      chain: chainIdSchema.refine(isBitcoinChain, 'not a Bitcoin chain'),
      threshold: z.int().min(2).max(9),
      recovery: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('none') }),
        z.strictObject({ kind: z.literal('xpub'), xpub: z.string().max(120) }),
      ]),
      recoveryDelayBlocks: z.int().min(1).max(65_535),
    }),
  ),
  genesis: genesisActSchema,
  /** Where the signed genesis entry is put. */
  genesisFile: z.string(),
});

export interface GenesisPlan extends CeremonyPlan {
  /** As it is decided: tokens that are initialised in the ceremony have no serial numbers yet. */
  readonly act: GenesisAct;
}

/** @throws Failure when the file is no plan */
export function readPlan(file: string, people: People): GenesisPlan {
  const { plan, from, tokens, digest } = parsePlan(file, planSchema);
  const { genesis, genesisFile, ...terms } = plan;
  const signers = genesis.signers.map(({ id }) => id);
  const held = tokens.map(({ signer }) => signer);
  if (signers.sort().join() !== held.sort().join())
    throw new Failure(`${file}: its tokens are not one of each signer of the genesis, ${signers.join(', ')}.`);
  const out = resolve(from, genesisFile);
  return {
    ...terms,
    digest,
    members: genesis.members,
    act: genesis,
    tokens: tokens.map((token) => ({ ...token, serial: serialIn(genesis, token.signer) })),
    makeGenesis: async (so) => {
      const act = actOf(genesis, so);
      orThrow(checkTokens(act, so)); // before anybody signs
      return signedGenesis(act, out, people);
    },
    genesis: (so) => genesisIn(out, actOf(genesis, so)),
  };
}

const serialIn = ({ signers }: GenesisAct, signer: string): string | undefined =>
  signers.find(({ id }) => id === signer)?.tokenSerial;

/** A token that was initialised in the ceremony has the serial number that was signed for there. */
const actOf = (genesis: GenesisAct, so: Transcript): GenesisAct => ({
  ...genesis,
  signers: withTokens(genesis.signers, so),
});
