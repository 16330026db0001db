import { actSchema, type Act } from '@bulkhead/charter';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import { tokenHolders } from './holders.js';
import type { SignedStep } from './transcript.js';
import type { Facts } from './transcript-facts.js';

/** What the charter is told of a token that a ceremony has seen: of a new signer, or that a signer goes on with it. */
export type SignerAct = Extract<Act, { readonly kind: 'signer.enrol' | 'signer.move-token' }>;

/** The step that shows them. */
export const SIGNER_ACTS_STEP = 'acts';

const nameOf = (act: SignerAct): string => `${act.kind} ${act.kind === 'signer.enrol' ? act.signer.id : act.signer}`;

const serialOf = (act: SignerAct): string | undefined =>
  act.kind === 'signer.enrol' ? act.signer.tokenSerial : act.tokenSerial;

/** Each act as canonical JSON, under its kind and signer. */
export const signerActFacts = (acts: readonly SignerAct[]): Facts =>
  Object.fromEntries(acts.map((act) => [nameOf(act), canonicalJson(act)]));

/**
 * The acts that a ceremony was signed for. `ceremony.contradicted` when one is of another kind, or names another token
 * than was signed for as its signer's.
 */
export function signerActsOf(signed: readonly SignedStep[]): Result<readonly SignerAct[]> {
  const serials = new Map(tokenHolders({ signed }).map(({ signer, tokenSerial }) => [signer, tokenSerial]));
  const acts: SignerAct[] = [];
  for (const [name, text] of Object.entries(signed.find(({ id }) => id === SIGNER_ACTS_STEP)?.facts ?? {})) {
    const act = signerActIn(text);
    const serial = act === undefined ? undefined : serialOf(act);
    if (!act || nameOf(act) !== name || serial === undefined || serials.get(name.split(' ')[1] ?? '') !== serial) {
      return refused('ceremony.contradicted', 'An act does not follow from the token that was signed for.', {
        step: SIGNER_ACTS_STEP,
        act: name,
      });
    }
    acts.push(act);
  }
  return accepted(acts);
}

function signerActIn(text: string): SignerAct | undefined {
  try {
    const { data } = actSchema.safeParse(JSON.parse(text));
    return data?.kind === 'signer.enrol' || data?.kind === 'signer.move-token' ? data : undefined;
  } catch {
    return undefined;
  }
}
