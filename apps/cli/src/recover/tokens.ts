import { dirname, resolve } from 'node:path';
import type { Wallet } from '@bulkhead/charter';
import { slugSchema } from '@bulkhead/intent';
import { tokenLabelSchema, type KeyStore } from '@bulkhead/keys';
import { z } from 'zod';
import { openToken, readProfile } from '../hsm/open-token.js';
import { Failure, readJsonFile } from '../stack/index.js';

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

/** Opens a token; the caller closes it. A token that refuses says so at its first request. */
export const openPlace = async ({ profileFile, ...place }: TokenPlace): Promise<KeyStore> =>
  openToken({ ...place, profile: readProfile(profileFile) });

/** A key of a wallet in its open token, compared with what the charter names. */
export interface WalletKey {
  readonly signer: string;
  readonly publicKey: string;
  readonly sign: (digest: Uint8Array) => Promise<Uint8Array>;
}

/**
 * Runs `work` with the keys of a wallet that are to be had, `wallet.threshold` of them at most, and closes the tokens
 * afterwards. A token that is away or has another key is told to `say` and left out.
 */
export async function withWalletKeys<T>(
  wallet: Exclude<Wallet, { kind: 'gas-payer' }>,
  places: readonly TokenPlace[],
  say: (line: string) => void,
  work: (keys: readonly WalletKey[]) => Promise<T>,
): Promise<T> {
  const stores: KeyStore[] = [];
  const keys: WalletKey[] = [];
  try {
    for (const { signer, publicKey } of wallet.keys) {
      const place = places.find((candidate) => candidate.signer === signer);
      if (!place || keys.length === wallet.threshold) continue;
      const store = await openPlace(place);
      stores.push(store);
      const held = await store.publicKey(wallet.id);
      if (!held.ok) {
        say(`${signer}: ${held.refusal.detail}`);
      } else if (held.value.publicKey !== publicKey) {
        say(`${signer}: the token has another key ${wallet.id} than the charter names`);
      } else {
        keys.push({ signer, publicKey, sign: (digest) => signWith(store, wallet.id, digest) });
      }
    }
    return await work(keys);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

async function signWith(store: KeyStore, keyId: string, digest: Uint8Array): Promise<Uint8Array> {
  const signature = await store.signDigest(keyId, digest);
  if (!signature.ok) throw new Failure(`The token does not sign: ${signature.refusal.detail}`);
  return signature.value;
}
