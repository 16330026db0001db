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
