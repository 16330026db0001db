/** Threshold Schnorr keys for Taproot (FROST, RFC 9591): generated, reshared and used by members that trust no carrier. */
export { frostGroupSchema, outputKey, type FrostGroup, type FrostKey } from './group.js';
export {
  openMessage,
  signedMessageSchema,
  signMessage,
  transcriptOf,
  type BodyOf,
  type Fingerprints,
  type InputShare,
  type MemberIdentity,
  type NonceCommitment,
  type SignedMessage,
} from './message.js';
export { type Outcome } from './dealing.js';
export { proveShare, sayUsing, checkAllUsing, type SwitchedTo } from './switching.js';
export {
  checkConfirmations,
  confirmGroup,
  FrostSession,
  type Concluded,
  type Participant,
  type SessionPlace,
} from './session.js';
export { proveShareControl, shareStatementSchema, verifyShareControl, type ShareStatement } from './share-control.js';
export {
  aggregateShares,
  checkShares,
  makeNonces,
  makeShares,
  openPromise,
  signingTerms,
  type Commitments,
  type InputDigest,
  type InputSchnorrSignature,
} from './signing.js';
export {
  frostBinding,
  frostSealKey,
  readSealedShare,
  sealKeyOf,
  writeSealedShare,
  type SealedShare,
} from './sealed-share.js';
export { participantsOf, sessionTermsSchema, type SessionTerms } from './terms.js';
