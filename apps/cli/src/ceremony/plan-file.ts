import { existsSync, readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import {
  applyEntry,
  charterEntrySchema,
  FIRM_CHAIN,
  genesisActSchema,
  type CharterEntry,
  type GenesisAct,
  intentAtEnd,
} from '@bulkhead/charter';
import {
  canonicalJson,
  chainIdSchema,
  intentDigest,
  isBitcoinChain,
  orThrow,
  slugSchema,
  textSchema,
  ZERO_DIGEST,
} from '@bulkhead/intent';
import { pkcs11ProfileSchema, tokenLabelSchema } from '@bulkhead/keys';
import { z } from 'zod';
import { Failure, writeFileAtomically } from '../stack/index.js';
import type { People } from './conduct.js';
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

/** What every plan says: its name, who is on duty, with what program, at which tokens. */
export const planTerms = {
  name: z.string().min(1).max(100),
  rota: z.array(z.strictObject({ performer: slugSchema, witness: slugSchema })).min(1),
  toolSha256: sha256Schema.optional(),
  tokens: z.array(tokenSchema),
} as const;

/**
 * A plan, and what its relative paths are relative to.
 *
 * @throws Failure when the file is no such plan
 */
export function parsePlan<T>(file: string, schema: z.ZodType<T>): { readonly plan: T; readonly from: string } {
  const parsed = schema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (parsed.success) return { plan: parsed.data, from: dirname(resolve(file)) };
  const [issue] = parsed.error.issues;
  throw new Failure(`${file} is no plan of a ceremony.`, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

/** The tokens of a plan, with their profiles. */
export const tokensOf = (tokens: readonly z.infer<typeof tokenSchema>[], from: string): CeremonyToken[] =>
  tokens.map(({ profileFile, pinFile, soPinFile, ...token }) => ({
    ...token,
    profile: pkcs11ProfileSchema.parse(JSON.parse(readFileSync(resolve(from, profileFile), 'utf8'))),
    pinFile: resolve(from, pinFile),
    soPinFile: soPinFile === undefined ? undefined : resolve(from, soPinFile),
  }));

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

/** @throws Failure when the file is no plan */
export function readPlan(file: string, people: People): CeremonyPlan {
  const { plan: parsed, from } = parsePlan(file, planSchema);
  const { tokens, genesis, genesisFile, ...plan } = parsed;
  const out = resolve(from, genesisFile);
  return {
    ...plan,
    members: genesis.members,
    tokens: tokensOf(tokens, from),
    makeGenesis: () => signedGenesis(genesis, out, people),
    genesis: () => readGenesisOf(genesis, out),
  };
}

/** Every member's signature on the one genesis; it is kept once all are there. */
async function signedGenesis(act: GenesisAct, file: string, people: People): Promise<CharterEntry> {
  if (existsSync(file)) return readGenesisOf(act, file);
  const now = new Date().toISOString();
  const [first] = act.members;
  if (!first) throw new Failure('The genesis names no members.');
  const intent = intentAtEnd(ZERO_DIGEST, () => undefined, {
    id: randomUUID(),
    chain: FIRM_CHAIN,
    act,
    initiator: first.id,
    createdAt: now,
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  });
  const hash = intentDigest(intent);
  const facts = { firm: act.name, 'genesis intent': hash };
  const step = { id: 'genesis', title: 'Sign the charter’s genesis', performer: first.id, witness: first.id };
  const statements = [];
  for (const member of act.members) {
    const decision = member === first ? 'PROPOSE' : 'APPROVE';
    const approval = await people.sign(member, { step, facts, firm: undefined, hash, decision });
    if (!approval) throw new Failure(`The genesis is not signed by ${member.id}.`, 'Every member signs it.');
    statements.push(approval);
  }
  const [proposal, ...approvals] = statements;
  if (!proposal) throw new Error('a genesis has a proposal');
  const entry: CharterEntry = { v: 1, intent, proposal, approvals, enactedAt: new Date().toISOString() };
  orThrow(applyEntry(undefined, entry));
  writeFileAtomically(file, `${JSON.stringify(entry, null, 2)}\n`);
  return entry;
}

function readGenesisOf(act: GenesisAct, file: string): CharterEntry {
  const entry = charterEntrySchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  if (canonicalJson(entry.intent.act) !== canonicalJson(act)) {
    throw new Failure(`${file} is the genesis of another plan.`, 'Take it away, or give the plan it was made by.');
  }
  orThrow(applyEntry(undefined, entry));
  return entry;
}
