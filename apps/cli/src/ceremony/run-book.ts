import { createHash } from 'node:crypto';
import type { Member } from '@bulkhead/approval';
import { deriveAddress, validateWalletSpec, walletDescriptor, type RecoverySpec } from '@bulkhead/bitcoin';
import { entryHash, type CharterEntry } from '@bulkhead/charter';
import type { Transcript } from '@bulkhead/evidence';
import { orThrow, type BitcoinChainId } from '@bulkhead/intent';
import { verifyLowS } from '@bulkhead/keys';
import { Failure } from '../stack/index.js';
import type { Facts, RunBook } from './conduct.js';
import {
  openingSteps,
  staffed,
  tokenSteps,
  withStore,
  type CeremonyToken,
  type Rota,
  type UnstaffedStep,
} from './steps.js';

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
  readonly rota: Rota;
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
  const steps: UnstaffedStep[] = [
    ...openingSteps(plan),
    ...plan.tokens.flatMap((token) => [
      ...tokenSteps(token),
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
    steps: staffed(steps, plan.rota),
    genesis: plan.genesis,
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
