/** Everything that decides what money may do: an append-only log of approved acts, and the one reducer over it. */
export * from './acts.js';
export { bitcoinSpec, canonicalAddress, safeSpec, walletAddresses, type WalletAddress } from './addresses.js';
export { chainOfAct } from './apply-act.js';
export * from './entry.js';
export { applyEntry, previewIntent } from './reducer.js';
export * from './state.js';
