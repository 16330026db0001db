import { X509Certificate } from 'node:crypto';
import { join, resolve } from 'node:path';
import { memberSchema } from '@bulkhead/approval';
import { signerActsOf, type Transcript } from '@bulkhead/evidence';
import { canonicalJson, digestSchema, orThrow, slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { Failure, readTextFile, writeFileAtomically } from '../stack/index.js';
import { parsePlan, planDigest, planTerms } from './plan-file.js';
import type { PlannedAct, TokenCeremonyPlan } from './token-run-book.js';

const actSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('signer.enrol'),
    signer: slugSchema,
    /** Of the signer's TLS certificate: its SHA-256, or the file (PEM) that it is worked out from. */
    tlsFingerprint: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    tlsCertificateFile: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('signer.move-token'), signer: slugSchema }),
]);

/** Paths are relative to the file. No secret stands in it. */
const planSchema = z.strictObject({
  ...planTerms,
  /** Hash of the firm's genesis entry, and those of its members who sign steps. */
  firm: digestSchema,
  members: z.array(memberSchema).min(2),
  wallets: z.array(slugSchema).default([]),
  acts: z.array(actSchema).default([]),
  /** Where the acts are put, each in a file for `charter propose`. */
  actsFolder: z.string(),
});

export interface TokenPlanFile extends TokenCeremonyPlan {
  readonly actsFolder: string;
}

/** @throws Failure when the file is no such plan */
export function readTokenPlan(file: string): TokenPlanFile {
  const { plan, from, tokens } = parsePlan(file, planSchema);
  const signers = tokens.map(({ signer }) => signer);
  const actors = plan.acts.map(({ signer }) => signer);
  const stranger = actors.find((signer) => !signers.includes(signer));
  if (tokens.length === 0) throw new Failure(`${file}: it names no token.`);
  if (stranger !== undefined) throw new Failure(`${file}: it has an act of ${stranger}, and no token.`);
  if ([signers, actors, plan.wallets].some((names) => new Set(names).size !== names.length))
    throw new Failure(`${file}: a signer has one token and one act, and a wallet is named once.`);
  const acts = plan.acts.map((act) => plannedAct(act, from));
  const digest = planDigest({ plan: { ...plan, acts }, profiles: tokens.map(({ profile }) => profile) });
  return { ...plan, tokens, acts, digest, actsFolder: resolve(from, plan.actsFolder) };
}

function plannedAct(act: z.infer<typeof actSchema>, from: string): PlannedAct {
  if (act.kind === 'signer.move-token') return act;
  const { kind, signer, tlsFingerprint, tlsCertificateFile: named } = act;
  if ((tlsFingerprint === undefined) === (named === undefined))
    throw new Failure(`The plan gives ${signer} either a tlsFingerprint or a tlsCertificateFile.`);
  return { kind, signer, tlsFingerprint: tlsFingerprint ?? fingerprintOf(resolve(from, named ?? '')) };
}

function fingerprintOf(file: string): string {
  const text = readTextFile(file, 'a TLS certificate, PEM');
  try {
    return new X509Certificate(text).fingerprint256.replaceAll(':', '').toLowerCase();
  } catch {
    throw new Failure(`${file} is no certificate.`, 'Name the signer’s TLS certificate, PEM.');
  }
}

/** Puts each act that was signed for into a file of its own. @returns the files */
export function writeActs(folder: string, { signed }: Transcript): string[] {
  return orThrow(signerActsOf(signed)).map((act) => {
    const signer = act.kind === 'signer.enrol' ? act.signer.id : act.signer;
    const file = join(folder, `${signer}.${act.kind}.json`);
    writeFileAtomically(file, `${canonicalJson(act)}\n`);
    return file;
  });
}
