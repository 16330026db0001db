/** Everything that decides what money may do: an append-only log of approved acts, and the one reducer over it. */
export * from './acts.js';
export {
  addressesOf,
  bitcoinSpec,
  canonicalAddress,
  safeSpec,
  walletAddresses,
  type WalletAddress,
} from './addresses.js';
export { applyAct, chainOfAct } from './apply-act.js';
export { checkCooled, type Payout } from './apply-destination.js';
export { checkPolicy } from './apply-policy.js';
export * from './entry.js';
export { checkNotFrozen, type FreezeSubject } from './freezes.js';
export { policySchema, type FreezeScope, type Policy } from './governance-acts.js';
export * from './governed.js';
export {
  keysAfter,
  ownerSets,
  permittedSwap,
  signingKeys,
  type FormerKeys,
  type KeyReplacement,
} from './key-replacement.js';
export * from './quorum-key.js';
export { delayOf, governedBy, usualDelay } from './governed-by.js';
export {
  activeKey,
  isKeyActive,
  KEY_STATES,
  keyLife,
  neededKeys,
  type KeyLife,
  type KeyName,
  type KeyState,
} from './key-life.js';
export {
  ownershipMessage,
  OWNERSHIPS,
  ownershipProofSchema,
  type Ownership,
  type OwnershipProof,
} from './ownership.js';
export * from './parties.js';
export { shareProofDigest, type Resharing, type ShareProofSubject } from './mpc-resharing.js';
export { isGroupOf, mpcAddress, taprootSpec, type MpcWallet } from './mpc-wallet.js';
export { checkSettled, seenAt } from './own-clock.js';
export { PENDING_LIFE_SECONDS, type PendingAct } from './pending.js';
export { actInForce, applyEntry, checkGenesis, previewIntent } from './reducer.js';
export * from './state.js';
