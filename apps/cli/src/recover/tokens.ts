import { dirname, resolve } from 'node:path';
import type { Wallet } from '@bulkhead/charter';
import { slugSchema } from '@bulkhead/intent';
import { tokenLabelSchema, type KeyStore } from '@bulkhead/keys';
import { z } from 'zod';
import { openToken, readProfile } from '../hsm/open-token.js';
import { readJsonFile } from '../stack/index.js';

/** Where the tokens are, as the configuration of each signer says it. Paths are relative to the file that names them. */
const tokensSchema = z.array(
  z.strictObject({
    signer: slugSchema,
    profileFile: z.string(),
    label: tokenLabelSchema,
    pinFile: z.string(),
    env: z.record(z.string(), z.string()).default({}),
  }),
);
export type TokenPlace = z.infer<typeof tokensSchema>[number];

/** Tells the operator what was left out, and why. */
export type Say = (line: string) => void;

/** @throws Failure when the file is none of this form */
export function readTokenPlaces(file: string): TokenPlace[] {
  const places = readJsonFile(file, 'a list of where tokens are', tokensSchema);
  const from = dirname(resolve(file));
  return places.map((place) => ({
    ...place,
    profileFile: resolve(from, place.profileFile),
    pinFile: resolve(from, place.pinFile),
  }));
}

/**
 * Opens a token; the caller closes it. Undefined, and told to `say`, when it cannot even be asked: a disaster leaves PIN
 * files and profiles missing, and the other tokens may be enough.
 */
export async function openPlace(
  { signer, profileFile, ...place }: TokenPlace,
  say: Say,
): Promise<KeyStore | undefined> {
  try {
    return await openToken({ ...place, profile: readProfile(profileFile) });
  } catch (error) {
    say(`${signer}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** What one token has signed with its key of a wallet: a signature of each digest, in their order. */
export interface SignedByToken {
  readonly signer: string;
  readonly publicKey: string;
  readonly signatures: readonly Uint8Array[];
}

/**
 * Has tokens sign with their keys of a wallet, one after the other, until `wallet.threshold` of them have signed every
 * digest. A token that is away, has another key than the charter names or refuses to sign is told to `say`, and the next
 * one is asked.
 */
export async function signByTokens(
  wallet: Exclude<Wallet, { kind: 'gas-payer' }>,
  places: readonly TokenPlace[],
  digests: readonly Uint8Array[],
  say: Say,
): Promise<SignedByToken[]> {
  const signed: SignedByToken[] = [];
  for (const { signer, publicKey } of wallet.keys) {
    const place = places.find((candidate) => candidate.signer === signer);
    if (!place || signed.length === wallet.threshold) continue;
    const store = await openPlace(place, say);
    if (!store) continue;
    try {
      const signatures = await signaturesIn(store, wallet.id, publicKey, digests);
      if (typeof signatures === 'string') say(`${signer}: ${signatures}`);
      else signed.push({ signer, publicKey, signatures });
    } finally {
      await store.close();
    }
  }
  return signed;
}

/** A signature of each digest, or why there is none. */
async function signaturesIn(
  store: KeyStore,
  keyId: string,
  publicKey: string,
  digests: readonly Uint8Array[],
): Promise<readonly Uint8Array[] | string> {
  const held = await store.publicKey(keyId);
  if (!held.ok) return held.refusal.detail;
  if (held.value.publicKey !== publicKey) return `the token has another key ${keyId} than the charter names`;
  const signatures: Uint8Array[] = [];
  for (const digest of digests) {
    const signature = await store.signDigest(keyId, digest);
    if (!signature.ok) return `the token does not sign: ${signature.refusal.detail}`;
    signatures.push(signature.value);
  }
  return signatures;
}
