import { entryHash } from '@bulkhead/charter';
import { accepted, refused, type Digest, type Result } from '@bulkhead/intent';
import { checkContent } from './transcript-content.js';
import { malformed, readTranscript, unsigned, type Transcript } from './transcript.js';

/** A ceremony that has come to its end. */
export interface FinishedCeremony extends Transcript {
  /** Hash of the genesis entry that it led to, or of the firm that it was held in. */
  readonly firm: Digest;
}

/**
 * A whole ceremony, checked from its opening to its end, and what its steps say against what follows from their keys,
 * tokens and acts: what `bulkhead verify transcript` says yes to.
 */
export function verifyTranscript(text: string): Result<FinishedCeremony> {
  const read = readTranscript(text);
  if (!read.ok) return read;
  const { transcript, torn } = read.value;
  if (torn !== '') return malformed('The last line is cut off.');
  if (transcript?.open) return unsigned(transcript.open);
  const firm = transcript?.genesis ? entryHash(transcript.genesis) : transcript?.opened.firm;
  if (!transcript?.closed || !firm) {
    return refused('ceremony.incomplete', 'The ceremony has not come to its end.', {
      next: transcript?.opened.steps[transcript.signed.length]?.id ?? 'opening',
    });
  }
  const content = checkContent(transcript, transcript.genesis);
  return content.ok ? accepted({ ...transcript, firm }) : content;
}
