import { createHash } from 'node:crypto';
import type { Member } from '@bulkhead/approval';
import { deriveAddress, validateWalletSpec, walletDescriptor, type RecoverySpec } from '@bulkhead/bitcoin';
import { entryHash, type CharterEntry } from '@bulkhead/charter';
import type { TokenHolder, Transcript } from '@bulkhead/evidence';
import { orThrow, type BitcoinChainId } from '@bulkhead/intent';
import { initialiseToken, openKeyStore, verifyLowS, type KeyStore, type Pkcs11Profile } from '@bulkhead/keys';
import { join } from 'node:path';
import { projectFolder } from '#bootstrap/project.mjs';
import { Failure } from '../stack/index.js';
import { expect, fileHash, libraryOf, moduleFacts, toolHash } from './checks.js';
import type { Facts, RunBook, RunBookStep } from './conduct.js';

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
}

/** A Bitcoin wallet whose keys, one of each signer, are made in the ceremony. */
export interface CeremonyWallet {
  readonly id: string;
  readonly chain: BitcoinChainId;
  readonly threshold: number;
  readonly recovery: RecoverySpec;
  readonly recoveryDelayBlocks: number;
}

export interface CeremonyPlan {
  readonly name: string;
  readonly members: readonly Member[];
  /** Who performs and who witnesses, taken in turn. */
  readonly rota: readonly { readonly performer: string; readonly witness: string }[];
  readonly toolSha256?: string | undefined;
  readonly tokens: readonly CeremonyToken[];
  readonly wallets: readonly CeremonyWallet[];
  /** Makes the genesis entry, or gives the one that was made: every member's signature on it. */
  readonly makeGenesis: () => Promise<CharterEntry>;
  /** The entry that was made. */
  readonly genesis: () => CharterEntry;
}

/** The run book of a genesis ceremony: who is there, with what tool, which tokens, which keys, which rules. */
export function genesisRunBook(plan: CeremonyPlan): RunBook {
  const steps: Omit<RunBookStep, 'performer' | 'witness'>[] = [
    { id: 'roles', title: 'Those who are named are here, and know their keys', run: () => roles(plan) },
    { id: 'tool', title: 'The program is the announced one', run: () => tool(plan) },
    ...plan.tokens.flatMap((token) => [
      {
        id: `module:${token.signer}`,
        title: `The PKCS#11 module of ${token.signer} is the announced one`,
        run: () => moduleStep(token),
      },
      {
        id: `token:${token.signer}`,
        title: `The token of ${token.signer} is initialised`,
        run: () => tokenStep(token),
      },
      {
        id: `keys:${token.signer}`,
        title: `${token.signer} makes its keys; their attributes are read back, and each signs a nonce`,
        run: (so: Transcript) => keysStep(token, plan, so),
      },
    ]),
    { id: 'wallets', title: 'Descriptors, first addresses and fingerprints', run: (so) => wallets(plan, so) },
    { id: 'genesis', title: 'The charter’s genesis is signed by every member', run: () => genesis(plan) },
  ];
  return {
    name: plan.name,
    firm: undefined,
    members: plan.members,
    steps: steps.map((step, place) => ({ ...step, ...onDuty(plan, place) })),
    genesis: plan.genesis,
  };
}

function onDuty({ rota }: CeremonyPlan, place: number): CeremonyPlan['rota'][number] {
  const duty = rota[place % rota.length];
  if (!duty) throw new Failure('Nobody is on the rota of the ceremony.');
  return duty;
}

const roles = ({ members }: CeremonyPlan): Promise<Facts> =>
  Promise.resolve(
    Object.fromEntries(
      members.map(({ id, name, person, role, keys }) => [
        id,
        `${name}, person ${person}, ${role}: ${keys.map((key) => `${key.id} ${key.scheme} ${key.publicKey}`).join(', ')}`,
      ]),
    ),
  );

const tool = ({ toolSha256 }: CeremonyPlan): Promise<Facts> =>
  Promise.resolve({
    'program sha256': expect('The program’s SHA-256', toolHash(), toolSha256),
    'package-lock sha256': fileHash(join(projectFolder, 'package-lock.json')),
    node: process.version,
  });

async function moduleStep({ profile, env, librarySha256 }: CeremonyToken): Promise<Facts> {
  const library = libraryOf(profile);
  const { cryptoki, library: says } = await moduleFacts(library, env);
  return {
    profile: profile.name,
    library,
    'library sha256': expect('The library’s SHA-256', fileHash(library), librarySha256),
    'library version': says,
    cryptoki,
  };
}

async function tokenStep(token: CeremonyToken): Promise<Facts> {
  const { profile, label, pinFile, soPinFile, env, firmware } = token;
  if (soPinFile !== undefined) await initialiseToken({ profile, tokenLabel: label, pinFile, soPinFile, env });
  const info = await withStore(token, async (store) => orThrow(await store.tokenInfo()));
  const found = (await moduleFacts(libraryOf(profile), env)).tokens.find(({ serial }) => serial === info.serial);
  return {
    label,
    serial: info.serial,
    manufacturer: info.manufacturer,
    model: info.model,
    firmware: expect('The firmware', found?.firmware ?? 'unknown', firmware),
    hardware: found?.hardware ?? 'unknown',
    initialised: soPinFile === undefined ? 'by its officers, before' : 'here, or found as it was made here',
  };
}

/** A key counts when it is made inside, cannot leave, and signs: the nonce is the transcript’s head, so it is fresh. */
function keysStep(token: CeremonyToken, plan: CeremonyPlan, { head }: Transcript): Promise<Facts> {
  return withStore(token, async (store) => {
    const facts: Record<string, string> = { nonce: head };
    for (const { id } of plan.wallets) {
      const { publicKey, attributes } = orThrow(await store.generateKey(id));
      const digest = controlDigest(head, id, publicKey);
      const signature = orThrow(await store.signDigest(id, digest));
      facts[`${id} key`] = publicKey;
      facts[`${id} attributes`] = Object.entries(attributes)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ');
      facts[`${id} signature`] = Buffer.from(signature).toString('hex');
    }
    return facts;
  });
}

async function withStore<T>(token: CeremonyToken, work: (store: KeyStore) => Promise<T>): Promise<T> {
  const { profile, label, pinFile, env } = token;
  const store = await openKeyStore({ profile, tokenLabel: label, pinFile, env });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const controlDigest = (nonce: string, wallet: string, publicKey: string): Uint8Array =>
  createHash('sha256').update(`bulkhead/ceremony-control/v1\n${nonce}\n${wallet}\n${publicKey}`).digest();

/** The keys of a wallet as the signed steps have them, in the order of the tokens. */
function keysIn({ signed }: Transcript, wallet: string): string[] {
  return signed.filter(({ id }) => id.startsWith('keys:')).flatMap(({ facts }) => facts[`${wallet} key`] ?? []);
}

function wallets(plan: CeremonyPlan, so: Transcript): Promise<Facts> {
  const facts: Record<string, string> = {};
  for (const { id, ...terms } of plan.wallets) {
    const spec = orThrow(validateWalletSpec({ ...terms, quorumKeys: keysIn(so, id) }));
    const descriptor = walletDescriptor(spec);
    facts[`${id} descriptor`] = descriptor;
    facts[`${id} first address`] = deriveAddress(spec, 0, 0).address;
    facts[`${id} fingerprint`] = createHash('sha256').update(descriptor).digest('hex').slice(0, 16);
  }
  return Promise.resolve(facts);
}

async function genesis({ makeGenesis }: CeremonyPlan): Promise<Facts> {
  const entry = await makeGenesis();
  const { act } = entry.intent;
  if (act.kind !== 'genesis') throw new Failure('The entry is no genesis.');
  return {
    genesis: entryHash(entry),
    firm: act.name,
    chains: `${act.bitcoin}, ${act.ethereum}`,
    members: act.members.map(({ id }) => id).join(', '),
    signers: act.signers.map(({ id, tlsFingerprint }) => `${id} ${tlsFingerprint}`).join(', '),
  };
}

/** The keys of a transcript whose proof of control does not hold: none, if nobody lied to those who signed. */
export function brokenProofs({ signed }: Transcript): string[] {
  return signed
    .filter(({ id }) => id.startsWith('keys:'))
    .flatMap(({ id, facts }) =>
      Object.entries(facts)
        .filter(([name]) => name.endsWith(' key'))
        .filter(([name, publicKey]) => {
          const wallet = name.slice(0, -' key'.length);
          const signature = Buffer.from(facts[`${wallet} signature`] ?? '', 'hex');
          const digest = controlDigest(facts.nonce ?? '', wallet, publicKey);
          return !verifyLowS(digest, Buffer.from(publicKey, 'hex'), signature);
        })
        .map(([name]) => `${id} ${name}`),
    );
}

/** Which token each signer’s keys are in, as the signed steps have it. */
export const tokenHolders = ({ signed }: Transcript): TokenHolder[] =>
  signed
    .filter(({ id }) => id.startsWith('token:'))
    .map(({ id, facts }) => ({
      signer: id.slice('token:'.length),
      tokenLabel: facts.label ?? '',
      tokenSerial: facts.serial ?? null,
    }));
