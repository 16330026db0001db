import type { AssetId } from '@bulkhead/intent';

/** What one owner has of one asset in one wallet, in the asset's smallest unit. */
export interface Position {
  readonly owner: string;
  readonly wallet: string;
  readonly asset: AssetId;
  /** All that lies on chain: must equal the chain's balance at each checkpoint (invariant 9). */
  readonly walletTotal: bigint;
  /** The part that lacks confirmations. */
  readonly pending: bigint;
  /** The part in quarantine. */
  readonly suspense: bigint;
  /** What may be spent: `walletTotal - pending - suspense`. */
  readonly available: bigint;
}

/** Sums of the three accounts that a wallet has. PENDING and SUSPENSE are negative while something is held. */
export interface WalletSums {
  readonly WALLET: bigint;
  readonly PENDING: bigint;
  readonly SUSPENSE: bigint;
}

export const positionOf = (owner: string, wallet: string, asset: AssetId, sums: WalletSums): Position => ({
  owner,
  wallet,
  asset,
  walletTotal: sums.WALLET,
  pending: -sums.PENDING,
  suspense: -sums.SUSPENSE,
  available: sums.WALLET + sums.PENDING + sums.SUSPENSE,
});
