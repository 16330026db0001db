/** What outlives a running firm and can be checked without one: charter extracts, recovery kits, ceremony transcripts. */
export { extractFor, replayExtract } from './extract.js';
export {
  buildKit,
  kitDigest,
  openKit,
  sealKit,
  type KitKey,
  type KitWallet,
  type OpenedKit,
  type RecoveryKit,
  type TokenHolder,
} from './kit.js';
export {
  applyLine,
  lineText,
  nextLine,
  readTranscript,
  verifyTranscript,
  type CeremonyBody,
  type CeremonyLine,
  type CeremonyStep,
  type FinishedCeremony,
  type OpenResult,
  type SignedStep,
  type Transcript,
} from './transcript.js';
