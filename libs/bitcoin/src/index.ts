/** How Bitcoin bytes are built, decoded and finished. Pure: no keys, no node, no clock. */

// the wallet: its spec, descriptor and addresses
export {
  MAX_DELAY_BLOCKS,
  MAX_QUORUM_KEYS,
  validateWalletSpec,
  type BitcoinWalletSpec,
  type KeyOrigin,
  type RecoverySpec,
} from './wallet-spec.js';
export { NUMS_PUBLIC_KEY, unspendableExtendedKey, type Branch } from './recovery-key.js';
export { descriptorChecksum } from './descriptor-checksum.js';
export {
  branchDescriptor,
  deriveAddress,
  deriveAddresses,
  walletDescriptor,
  type AddressPath,
  type WalletAddress,
} from './wallet.js';
export { parseQuorumScript, type QuorumScript } from './witness-script.js';
export { groupOutputKey, taprootAddress, taprootDescriptor, type TaprootWalletSpec } from './taproot-spec.js';

// addresses and amounts
export { addressOfScript, parseBitcoinAddress, type ParsedAddress } from './addresses.js';
export { dustLimitSat, MAX_INPUTS, MAX_OUTPUTS } from './sizes.js';

// from a payment to a broadcast: build, decode, sign, finish
export { sweepOf, type Sweep } from './sweep.js';
export { buildPsbt, type BuildRequest, type BuiltPsbt, type Payment, type WalletCoin } from './build.js';
export {
  decodePsbt,
  RBF_SEQUENCE,
  type BitcoinFacts,
  type BitcoinInputFacts,
  type BitcoinOutputFacts,
} from './decode.js';
export { signingDigests, type OwnAddressLookup, type SigningDigest } from './sign.js';
export { finalisePsbt, type FinalTransaction, type InputSignature } from './finalise.js';
export { finaliseTaprootPsbt, taprootDigests, type KeyPathSignature } from './taproot.js';

// who holds an address
export { toSignTransaction, toSpendTransaction, verifyMessage } from './bip322.js';

// what is on the chain
export { decodeTransaction, type BitcoinTransaction, type TransactionOutput } from './transaction.js';
