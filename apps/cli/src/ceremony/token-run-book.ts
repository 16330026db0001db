import type { Member } from '@bulkhead/approval';
import { SIGNER_ACTS_STEP, signerActFacts, tokenHolders, type SignerAct, type Transcript } from '@bulkhead/evidence';
import type { Digest } from '@bulkhead/intent';
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

/** What the charter is to be told of a token, before its serial number is known. */
export type PlannedAct =
  | { readonly kind: 'signer.enrol'; readonly signer: string; readonly tlsFingerprint: string }
  | { readonly kind: 'signer.move-token'; readonly signer: string };

/** Tokens of a firm that is there: spare ones, replacements, or those whose wallets are opened later. */
export interface TokenCeremonyPlan extends Announced {
  readonly name: string;
  readonly firm: Digest;
  readonly digest: Digest;
  readonly members: readonly Member[];
  readonly rota: Rota;
  readonly tokens: readonly CeremonyToken[];
  /** Wallets of which each token makes its key. */
  readonly wallets: readonly string[];
  readonly acts: readonly PlannedAct[];
}

/** The run book: who is there, with what tool, which tokens, which keys, and what the charter is to be told of them. */
export function tokenRunBook(plan: TokenCeremonyPlan): RunBook {
  const steps: UnstaffedStep[] = [
    ...openingSteps(plan),
    ...plan.tokens.flatMap((token) => [
      ...tokenSteps(token),
      ...(plan.wallets.length === 0 ? [] : [keysStep(token, plan.wallets)]),
    ]),
  ];
  if (plan.acts.length > 0) {
    steps.push({
      id: SIGNER_ACTS_STEP,
      title: 'What the charter is to be told of these tokens',
      run: (so) => Promise.resolve(signerActFacts(plan.acts.map((act) => actOf(act, so)))),
    });
  }
  const { name, firm, digest, members, rota } = plan;
  return { name, firm, plan: digest, members, steps: staffed(steps, rota), genesis: () => undefined };
}

/** With the serial number that its token step was signed with. */
function actOf(act: PlannedAct, so: Transcript): SignerAct {
  const tokenSerial = tokenHolders(so).find(({ signer }) => signer === act.signer)?.tokenSerial;
  if (typeof tokenSerial !== 'string') throw new Failure(`The ceremony has seen no token of ${act.signer}.`);
  if (act.kind === 'signer.move-token') return { ...act, tokenSerial };
  const { kind, signer: id, tlsFingerprint } = act;
  return { kind, signer: { id, tlsFingerprint, tokenSerial } };
}
