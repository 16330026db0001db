import type { AssetId, ChainId, Purpose } from '@bulkhead/intent';

/** CLIENT: a client's assets. HOUSE: the firm's own (proprietary). SUSPENSE: not yet attributed. */
export const ESTATES = ['CLIENT', 'HOUSE', 'SUSPENSE'] as const;
export type Estate = (typeof ESTATES)[number];

/** An address that the charter assigns to an owner, for ever. */
export interface ManagedAddress {
  readonly owner: string;
  readonly estate: Estate;
  /** The wallet it belongs to; undefined for a proprietary address of the house that is held elsewhere. */
  readonly wallet: string | undefined;
  /** Bitcoin: 0 receive, 1 change, and the index on that branch. */
  readonly branch: 0 | 1 | undefined;
  readonly index: number | undefined;
}

/** What is known of addresses: a view of the charter. */
export interface Directory {
  managed(chain: ChainId, address: string): ManagedAddress | undefined;
  isDestination(owner: string, chain: ChainId, address: string): boolean;
}

/** What decoded bytes would do, whatever a request says they do. Amounts in the asset's smallest unit. */
export interface SpendFacts {
  readonly chain: ChainId;
  /** Coins spent, or the Safe that acts. `resource` is what can be used once only: an outpoint, or a Safe nonce. */
  readonly sources: readonly { readonly resource: string; readonly address: string }[];
  readonly outputs: readonly SpendOutput[];
  readonly fee: { readonly asset: AssetId; readonly amount: bigint };
}

export interface SpendOutput {
  readonly address: string;
  readonly asset: AssetId;
  readonly amount: bigint;
  /** ALLOWANCE: the right to spend later (ERC-20 approve), held to the same rules as a payment. */
  readonly kind: 'TRANSFER' | 'ALLOWANCE';
}

/** What the intent and the charter allow this spend to be. */
export interface SpendTerms {
  readonly owner: string;
  readonly estate: Estate;
  readonly wallet: string;
  readonly purpose: Purpose;
  /** The address that the intent pays. Any other output must be the wallet's own change. */
  readonly payee: string;
  /** The lower of the intent's and the firm's cap, in the chain's smallest unit. */
  readonly maxFee: bigint;
  /** The most that one fee invoice may take of an asset; undefined: no fee invoices in that asset. */
  readonly feeInvoiceCap: (asset: AssetId) => bigint | undefined;
  /** The most that one test payment may be of an asset; undefined: no test payments in that asset. */
  readonly testPaymentCap: (asset: AssetId) => bigint | undefined;
}
