import { join } from 'node:path';
import type { Member } from '@bulkhead/approval';
import { projectFolder } from '#bootstrap/project.mjs';
import { ceremonyControlDigest, memberFacts, type Facts } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { initialiseToken, type KeyStore, type Pkcs11Profile, type TokenInitialisation } from '@bulkhead/keys';
import { openToken } from '../hsm/open-token.js';
import { Failure } from '../stack/index.js';
import { expect, fileHash, libraryOf, moduleFacts, toolHash } from './checks.js';
import type { RunBookStep } from './conduct.js';

/** A token of the ceremony, and what was announced of its module. */
export interface CeremonyToken {
  readonly signer: string;
  readonly profile: Pkcs11Profile;
  readonly label: string;
  readonly pinFile: string;
  /** Given: the token is initialised here, as in development. Else its officers have done it, and it is only checked. */
  readonly soPinFile?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly librarySha256?: string | undefined;
  readonly firmware?: string | undefined;
  /** Who answers for it, and where it is kept: for the kits. */
  readonly holder?: string | undefined;
  readonly place?: string | undefined;
  /** As the genesis names it; a token that is initialised here has none yet. */
  readonly serial?: string | undefined;
}

/** Who performs and who witnesses, taken in turn. */
export type Rota = readonly { readonly performer: string; readonly witness: string }[];

/** A step of which the rota says whose it is. */
export type UnstaffedStep = Omit<RunBookStep, 'performer' | 'witness'>;

export function staffed(steps: readonly UnstaffedStep[], rota: Rota): RunBookStep[] {
  return steps.map((step, place) => {
    const duty = rota[place % rota.length];
    if (!duty) throw new Failure('Nobody is on the rota of the ceremony.');
    return { ...step, ...duty };
  });
}

/** What was announced of the program. */
export interface Announced {
  readonly toolSha256?: string | undefined;
  readonly packageLockSha256?: string | undefined;
}

/** How every ceremony begins. */
export const openingSteps = (plan: Announced & { readonly members: readonly Member[] }): UnstaffedStep[] => [
  {
    id: 'roles',
    title: 'Those who are named are here, and know their keys',
    run: () => Promise.resolve(memberFacts(plan.members)),
  },
  { id: 'tool', title: 'The program is the announced one', run: () => tool(plan) },
];

/** What is seen of a token before it is used. */
export const tokenSteps = (token: CeremonyToken): UnstaffedStep[] => [
  {
    id: `module:${token.signer}`,
    title: `The PKCS#11 module of ${token.signer} is the announced one`,
    run: () => moduleStep(token),
  },
  { id: `token:${token.signer}`, title: `The token of ${token.signer} is initialised`, run: () => tokenStep(token) },
];

/** A key counts when it is made inside, cannot leave, and signs: the nonce is the transcript’s head, so it is fresh. */
export const keysStep = (token: CeremonyToken, wallets: readonly string[]): UnstaffedStep => ({
  id: `keys:${token.signer}`,
  title: `${token.signer} makes its keys; their attributes are read back, and each signs a nonce`,
  run: ({ head }) =>
    withStore(token, async (store) => {
      const facts: Record<string, string> = { nonce: head };
      for (const wallet of wallets) Object.assign(facts, await madeKey(store, wallet, head));
      return facts;
    }),
});

async function madeKey(store: KeyStore, wallet: string, head: string): Promise<Facts> {
  const { publicKey, attributes } = orThrow(await store.generateKey(wallet));
  const signature = orThrow(await store.signDigest(wallet, ceremonyControlDigest(head, wallet, publicKey)));
  return {
    [`${wallet} key`]: publicKey,
    [`${wallet} attributes`]: Object.entries(attributes)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
    [`${wallet} signature`]: Buffer.from(signature).toString('hex'),
  };
}

const tool = ({ toolSha256, packageLockSha256 }: Announced): Promise<Facts> =>
  Promise.resolve({
    'program sha256': expect('The program’s SHA-256', toolHash(), toolSha256),
    'package-lock sha256': expect(
      'The SHA-256 of package-lock.json',
      fileHash(join(projectFolder, 'package-lock.json')),
      packageLockSha256,
    ),
    node: process.version,
  });

async function moduleStep({ profile, env, librarySha256 }: CeremonyToken): Promise<Facts> {
  const library = libraryOf(profile);
  const { cryptoki, library: says } = await moduleFacts(profile, env);
  return {
    profile: profile.name,
    'key backup': profile.keyBackup ?? 'none',
    library,
    'library sha256': expect('The library’s SHA-256', fileHash(library), librarySha256),
    'library version': says,
    cryptoki,
  };
}

async function tokenStep(token: CeremonyToken): Promise<Facts> {
  const { profile, label, pinFile, soPinFile, env, firmware, serial, holder, place } = token;
  const { tokens } = await moduleFacts(profile, env);
  // before anything is written to it: of this label already, or the blank one that would get it
  const seen = tokens.find((one) => one.label === label) ?? tokens.find((one) => !one.isInitialised);
  const compared = expect('The firmware', seen?.firmware ?? 'unknown', firmware);
  if (soPinFile !== undefined) await makeToken({ profile, tokenLabel: label, pinFile, soPinFile, env });
  const info = await withStore(token, async (store) => orThrow(await store.tokenInfo()));
  expect('The token’s serial number', info.serial, serial);
  return {
    label,
    serial: info.serial,
    manufacturer: info.manufacturer,
    model: info.model,
    firmware: compared,
    hardware: seen?.hardware ?? 'unknown',
    initialised: soPinFile === undefined ? 'by its officers, before' : 'here, or found as it was made here',
    ...(holder !== undefined && { holder }),
    ...(place !== undefined && { place }),
  };
}

/** @throws Failure when the module refuses, or a token is there whose PIN files are gone */
async function makeToken(terms: TokenInitialisation): Promise<void> {
  try {
    await initialiseToken(terms);
  } catch (error) {
    throw new Failure(`The token is not made: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Opens a token for `work`, and closes it. */
export async function withStore<T>(token: CeremonyToken, work: (store: KeyStore) => Promise<T>): Promise<T> {
  const store = await openToken(token);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
