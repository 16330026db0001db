/** What outlives a running firm and can be checked without one: charter extracts, recovery kits, ceremony transcripts. */
export { extractFor, replayExtract } from './extract.js';
export { tokenHolders } from './holders.js';
export {
  buildKit,
  kitDigest,
  openKit,
  sealKit,
  sealedKitSchema,
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
