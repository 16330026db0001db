import type { Member } from '@bulkhead/approval';
import { entryHash, type CharterEntry } from '@bulkhead/charter';
import {
  ceremonyKeys,
  checkTokens,
  genesisFacts,
  walletFacts,
  type Facts,
  type Transcript,
  type WalletTerms,
} from '@bulkhead/evidence';
import { orThrow, type Digest } from '@bulkhead/intent';
import { Failure } from '../stack/index.js';
import type { RunBook } from './conduct.js';
import {
  keysStep,
  openingSteps,
  staffed,
  tokenSteps,
  type Announced,
  type CeremonyToken,
  type Rota,
  type UnstaffedStep,
} from './steps.js';

/** A Bitcoin wallet whose keys, one of each signer, are made in the ceremony. */
export interface CeremonyWallet extends WalletTerms {
  readonly id: string;
}

export interface CeremonyPlan extends Announced {
  readonly name: string;
  /** Of all that is decided before the ceremony. */
  readonly digest: Digest;
  readonly members: readonly Member[];
  readonly rota: Rota;
  readonly tokens: readonly CeremonyToken[];
  readonly wallets: readonly CeremonyWallet[];
  /** Makes the genesis entry, or gives the one that was made: every member's signature on it. */
  readonly makeGenesis: (so: Transcript) => Promise<CharterEntry>;
  /** The entry that was made. */
  readonly genesis: (so: Transcript) => CharterEntry;
}

/** The run book of a genesis ceremony: who is there, with what tool, which tokens, which keys, which rules. */
export function genesisRunBook(plan: CeremonyPlan): RunBook {
  const steps: UnstaffedStep[] = [
    ...openingSteps(plan),
    ...plan.tokens.flatMap((token) => [
      ...tokenSteps(token),
      keysStep(
        token,
        plan.wallets.map(({ id }) => id),
      ),
    ]),
    { id: 'wallets', title: 'Descriptors, first addresses and fingerprints', run: (so) => wallets(plan, so) },
    { id: 'genesis', title: 'The charter’s genesis is signed by every member', run: (so) => genesis(plan, so) },
  ];
  return {
    name: plan.name,
    firm: undefined,
    plan: plan.digest,
    members: plan.members,
    steps: staffed(steps, plan.rota),
    genesis: plan.genesis,
  };
}

function wallets(plan: CeremonyPlan, { signed }: Transcript): Promise<Facts> {
  const facts = plan.wallets.map(({ id, ...terms }) => orThrow(walletFacts(id, terms, ceremonyKeys(signed, id))));
  return Promise.resolve(Object.assign({}, ...facts) as Facts);
}

/** @throws Failure or RefusalError when the genesis names other tokens than the ceremony has seen: nobody signs it then */
async function genesis({ makeGenesis }: CeremonyPlan, so: Transcript): Promise<Facts> {
  const entry = await makeGenesis(so);
  const { act } = entry.intent;
  if (act.kind !== 'genesis') throw new Failure('The entry is no genesis.');
  orThrow(checkTokens(act, so));
  return { genesis: entryHash(entry), ...genesisFacts(act) };
}
