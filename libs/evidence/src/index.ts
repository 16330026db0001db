/** What outlives a running firm and can be checked without one: charter extracts, recovery kits, ceremony transcripts. */
export { extractFor, replayExtract } from './extract.js';
export { keysMade, tokenHolders, type MadeKey } from './holders.js';
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
  CEREMONY_MODES,
  lineText,
  nextLine,
  readTranscript,
  type CeremonyBody,
  type CeremonyLine,
  type CeremonyMode,
  type CeremonyStep,
  type OpenResult,
  type SignedStep,
  type Transcript,
} from './transcript.js';
export { SIGNER_ACTS_STEP, signerActFacts, signerActsOf, type SignerAct } from './signer-acts.js';
export { checkContent, checkTokens, withTokens } from './transcript-content.js';
export {
  ceremonyControlDigest,
  ceremonyKeys,
  genesisFacts,
  memberFacts,
  walletFacts,
  type Facts,
  type WalletTerms,
} from './transcript-facts.js';
export { verifyTranscript, type FinishedCeremony } from './transcript-verification.js';
