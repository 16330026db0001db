import type { AssetId, ChainId, IntentPurpose } from '@bulkhead/intent';
import type { BlockRef, JournalEntry } from '@bulkhead/ledger';
import type { Directory, ManagedAddress } from '@bulkhead/segregation';

/** An address under management, with what a follower needs to know of its wallet. */
export interface WatchedAddress extends ManagedAddress {
  readonly address: string;
  readonly kind: 'bitcoin-multisig' | 'safe' | 'gas-payer' | 'taproot-mpc' | undefined;
}

/** A watched address that is a wallet's: what lies there is in the register. */
export interface WalletAddress extends WatchedAddress {
  readonly wallet: string;
}

export const isWalletAddress = (watched: WatchedAddress | undefined): watched is WalletAddress =>
  watched?.wallet !== undefined;

/** A transfer of ours that is signed, and so may be found in a block. */
export interface KnownTransfer {
  readonly id: string;
  readonly owner: string;
  readonly wallet: string;
  readonly purpose: IntentPurpose;
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly payee: string;
}

/** What a block is read against: the register as the blocks before it leave it. */
export interface BlockLookups {
  readonly chain: ChainId;
  /** Confirmations that a deposit needs, the one of its own block included. */
  readonly confirmations: number;
  watched(address: string): WatchedAddress | undefined;
}

/** `PENDING`: a deposit without its confirmations. `QUARANTINED`: never spent before an incident is closed. */
export type CoinStatus = 'AVAILABLE' | 'PENDING' | 'QUARANTINED';

export interface Coin {
  readonly txid: string;
  readonly vout: number;
  readonly wallet: string;
  readonly owner: string;
  readonly address: string;
  readonly branch: 0 | 1;
  readonly index: number;
  readonly amountSat: bigint;
}

export interface NewCoin extends Coin {
  readonly status: CoinStatus;
  /** The transaction that made it, lower-case hex: what spends it must show it whole. */
  readonly rawTransaction: string;
}

/** Something from outside our own transfers that arrived in a wallet. */
export interface NewDeposit {
  readonly asset: AssetId;
  readonly wallet: string;
  readonly owner: string;
  readonly address: string;
  readonly transaction: string;
  /** Where in the transaction: an output's index, `value`, or `log:<index>`. */
  readonly position: string;
  readonly amount: bigint;
  readonly sources: readonly string[];
  readonly status: 'PENDING' | 'QUARANTINED';
  /** The block that completes its confirmations. */
  readonly dueHeight: number;
}

/** What became of a transaction that touches an address of ours. */
export interface TransactionOutcome {
  readonly transaction: string;
  /** The chain executed it, and with it every Safe execution of ours in it did what it was for. */
  readonly succeeded: boolean;
  /** What the network took, in the chain's smallest unit, when one of our wallets paid it. */
  readonly fee: bigint | undefined;
}

/** What became of a transaction of a Safe of ours, whoever sent it. */
export interface SafeExecution {
  readonly transaction: string;
  readonly safeTxHash: string;
  readonly succeeded: boolean;
}

export interface NewIncident {
  /** The same key opens one incident, however often its block is read. */
  readonly key: string;
  readonly kind: 'deposit.quarantined' | 'spend.unexplained';
  readonly owner: string;
  readonly wallet: string;
  readonly detail: Readonly<Record<string, string>>;
}

/** All that one block changes in the register. */
export interface BlockChanges {
  readonly outcomes: readonly TransactionOutcome[];
  readonly executions: readonly SafeExecution[];
  readonly newCoins: readonly NewCoin[];
  readonly spentCoins: readonly { readonly txid: string; readonly vout: number; readonly spentBy: string }[];
  readonly deposits: readonly NewDeposit[];
  readonly entries: readonly JournalEntry[];
  readonly incidents: readonly NewIncident[];
}

/** The changes of a block while it is being read. */
export interface ChangeList extends BlockChanges {
  readonly at: BlockRef;
  readonly outcomes: TransactionOutcome[];
  readonly executions: SafeExecution[];
  readonly newCoins: NewCoin[];
  readonly spentCoins: { readonly txid: string; readonly vout: number; readonly spentBy: string }[];
  readonly deposits: NewDeposit[];
  readonly entries: JournalEntry[];
  readonly incidents: NewIncident[];
}

export const noChanges = (at: BlockRef): ChangeList => ({
  at,
  outcomes: [],
  executions: [],
  newCoins: [],
  spentCoins: [],
  deposits: [],
  entries: [],
  incidents: [],
});

/** The registry as `libs/segregation` asks it about deposits: destinations do not matter there. */
export const directoryOf = (lookups: BlockLookups): Directory => ({
  managed: (_chain, address) => lookups.watched(address),
  isDestination: () => false,
});
