import { readFile } from 'node:fs/promises';
import { verifyTranscript, type FinishedCeremony } from '@bulkhead/evidence';
import { orThrow, type Digest } from '@bulkhead/intent';
import type { Config } from '../../config.js';

/** The firm's genesis ceremony, verified; undefined where no transcript is kept here. @throws when it is another firm's */
export async function ceremonyOf({ transcriptFile }: Config, firm: Digest): Promise<FinishedCeremony | undefined> {
  if (transcriptFile === undefined) return undefined;
  const ceremony = orThrow(verifyTranscript(await readFile(transcriptFile, 'utf8')));
  if (ceremony.firm !== firm) throw new Error(`${transcriptFile} is the transcript of another firm`);
  return ceremony;
}
