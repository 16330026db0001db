import { accepted, refused, type Result } from '@bulkhead/intent';
import { staysSpendable } from './key-life.js';
import type { Signer, SignerRecord } from './parties.js';
import type { CharterState } from './state.js';

/** Ids, certificates and tokens are each one signer's, for ever: also of those that are retired. */
export function checkSigners(signers: readonly (SignerRecord & Partial<Signer>)[]): Result<true> {
  // PKCS#11 pads serials with blanks: they make no other token
  const serials = signers
    .flatMap(({ tokenSerial, formerTokens = [] }) => [...formerTokens, tokenSerial ?? []].flat())
    .map((serial) => serial.trim());
  const repeated = [signers.map(({ id }) => id), signers.map(({ tlsFingerprint }) => tlsFingerprint), serials].some(
    (values) => new Set(values).size !== values.length,
  );
  return repeated
    ? refused('charter.id-taken', 'Signers, their certificates and their tokens are each named once.')
    : accepted(true);
}

export function enrolSigner(state: CharterState, { signer }: { readonly signer: SignerRecord }): Result<CharterState> {
  const all = [...state.signers.values(), { ...signer, retired: false }];
  const sound = checkSigners(all);
  return sound.ok ? accepted(withSigners(state, all)) : sound;
}

/** Ends a signer for good. Refused when a wallet could then no longer be spent from: move its funds first. */
export function retireSigner(state: CharterState, { signer: id }: { readonly signer: string }): Result<CharterState> {
  const signer = state.signers.get(id);
  if (!signer) return refused('charter.unknown-signer', 'No such signer in the charter.', { signer: id });
  if (signer.retired) return refused('charter.signer-retired', 'The signer is retired.', { signer: id });
  const awaiting = state.replacements.findKey(({ key }) => key.signer === id);
  if (awaiting !== undefined) {
    return refused('charter.replacement-under-way', 'Its key is about to come into a wallet: finish that first.', {
      signer: id,
      wallet: awaiting,
    });
  }
  const next = withSigners(
    state,
    [...state.signers.values()].map((one) => (one.id === id ? { ...one, retired: true } : one)),
  );
  const stuck = state.wallets.find((wallet) => !staysSpendable(state, next, wallet));
  return stuck
    ? refused('charter.quorum-unreachable', 'A wallet would have fewer keys left than its threshold.', {
        signer: id,
        wallet: stuck.id,
      })
    : accepted(next);
}

export const withSigners = (state: CharterState, signers: readonly Signer[]): CharterState => ({
  ...state,
  signers: new Map(signers.map((signer) => [signer.id, signer])),
});
