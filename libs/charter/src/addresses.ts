import { deriveAddresses, parseBitcoinAddress, validateWalletSpec, type BitcoinWalletSpec } from '@bulkhead/bitcoin';
import {
  ownerAddress,
  parseEthereumAddress,
  predictSafeAddress,
  safeSpecSchema,
  type SafeContracts,
  type SafeSpec,
} from '@bulkhead/ethereum';
import { accepted, isBitcoinChain, isEthereumChain, refused, type ChainId, type Result } from '@bulkhead/intent';
import type { BitcoinWallet, SafeWallet, Wallet } from './acts.js';
import { mpcAddress } from './mpc-wallet.js';

export interface WalletAddress {
  readonly address: string;
  readonly branch: 0 | 1 | undefined;
  readonly index: number | undefined;
}

/** Checks an address of a chain and gives its one canonical spelling. */
export function canonicalAddress(chain: ChainId, text: string): Result<string> {
  if (isBitcoinChain(chain)) {
    const parsed = parseBitcoinAddress(text, chain);
    return parsed.ok ? accepted(parsed.value.address) : parsed;
  }
  return parseEthereumAddress(text);
}

/** Throws when the wallet is not on a Bitcoin chain: the reducer has checked it before. */
export function bitcoinSpec(wallet: BitcoinWallet): BitcoinWalletSpec {
  if (!isBitcoinChain(wallet.chain)) throw new Error('a Bitcoin wallet on another chain');
  return {
    chain: wallet.chain,
    threshold: wallet.threshold,
    quorumKeys: wallet.keys.map((key) => key.publicKey),
    recovery: wallet.recovery,
    recoveryDelayBlocks: wallet.recoveryDelayBlocks,
  };
}

/**
 * What a Safe is deployed as: `wallet` is as it was opened, before any of its keys was replaced. Throws when it is not on
 * an EVM chain: the reducer has checked it before.
 */
export function safeSpec(wallet: SafeWallet): SafeSpec {
  if (!isEthereumChain(wallet.chain)) throw new Error('a Safe on another chain');
  return {
    chain: wallet.chain,
    ownerKeys: wallet.keys.map((key) => key.publicKey),
    threshold: wallet.threshold,
    saltNonce: wallet.saltNonce,
  };
}

/** Every address of a wallet that is opened, computed from its keys: what an entry claims must equal it. */
export function walletAddresses(wallet: Wallet, contracts: SafeContracts): Result<readonly WalletAddress[]> {
  switch (wallet.kind) {
    case 'bitcoin-multisig': {
      if (!isBitcoinChain(wallet.chain)) return wrongChain(wallet);
      const spec = validateWalletSpec(bitcoinSpec(wallet));
      if (!spec.ok) return spec;
      return accepted(
        ([0, 1] as const).flatMap((branch) => deriveAddresses(spec.value, branch, 0, wallet.addressWindow)),
      );
    }
    case 'safe':
      if (!isEthereumChain(wallet.chain)) return wrongChain(wallet);
      if (!safeSpecSchema.safeParse(safeSpec(wallet)).success) return badSpec(wallet);
      return single(wallet, predictSafeAddress(safeSpec(wallet), contracts));
    case 'taproot-mpc': {
      const address = mpcAddress(wallet);
      // its one address takes deposits and its own change
      return address.ok ? single(wallet, address.value, { branch: 1, index: 0 }) : address;
    }
    case 'gas-payer':
      if (!isEthereumChain(wallet.chain)) return wrongChain(wallet);
      return single(wallet, ownerAddress(wallet.keys[0]?.publicKey ?? ''));
  }
}

/** Every address of a wallet of the charter. A Safe keeps the one that it was opened with, whoever its owners are now. */
export const addressesOf = (wallet: Wallet, contracts: SafeContracts): Result<readonly WalletAddress[]> =>
  wallet.kind === 'safe'
    ? accepted([{ address: wallet.address, branch: undefined, index: undefined }])
    : walletAddresses(wallet, contracts);

function single(
  wallet: Extract<Wallet, { address: string }>,
  address: string,
  place: Pick<WalletAddress, 'branch' | 'index'> = { branch: undefined, index: undefined },
): Result<readonly WalletAddress[]> {
  return wallet.address === address
    ? accepted([{ address, ...place }])
    : refused('charter.address-mismatch', 'The address does not follow from the wallet’s keys.', {
        wallet: wallet.id,
        claimed: wallet.address,
        computed: address,
      });
}

const wrongChain = (wallet: Wallet): Result<never> =>
  refused('charter.malformed', 'This kind of wallet does not live on that chain.', {
    wallet: wallet.id,
    chain: wallet.chain,
  });

const badSpec = (wallet: Wallet): Result<never> =>
  refused('charter.malformed', 'No Safe can be made of these owners, threshold and salt.', { wallet: wallet.id });
