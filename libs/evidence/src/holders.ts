import type { TokenHolder } from './kit.js';
import type { Transcript } from './transcript.js';

/** Which token each signer’s keys are in, as the signed steps of a ceremony have it. */
export const tokenHolders = ({ signed }: Pick<Transcript, 'signed'>): TokenHolder[] =>
  signed
    .filter(({ id }) => id.startsWith('token:'))
    .map(({ id, facts }) => ({
      signer: id.slice('token:'.length),
      tokenLabel: facts['label'] ?? null,
      tokenSerial: facts['serial'] ?? null,
      ...(facts['holder'] !== undefined && { holder: facts['holder'] }),
      ...(facts['place'] !== undefined && { place: facts['place'] }),
    }));

/** A key that a signer's token has made before everybody's eyes, for a wallet that may be opened later. */
export interface MadeKey {
  readonly signer: string;
  readonly wallet: string;
  /** Compressed point of secp256k1, hex. */
  readonly publicKey: string;
}

const KEY_FACT = / key$/;

/** The keys that were made at a ceremony, as its signed steps have it. */
export const keysMade = ({ signed }: Pick<Transcript, 'signed'>): MadeKey[] =>
  signed
    .filter(({ id }) => id.startsWith('keys:'))
    .flatMap(({ id, facts }) =>
      Object.entries(facts)
        .filter(([name]) => KEY_FACT.test(name))
        .map(([name, publicKey]) => ({
          signer: id.slice('keys:'.length),
          wallet: name.replace(KEY_FACT, ''),
          publicKey,
        })),
    );
