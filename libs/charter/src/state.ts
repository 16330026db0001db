import type { Groups, Member, Quorum } from '@bulkhead/approval';
import type { SafeContracts } from '@bulkhead/ethereum';
import { isEthereumChain, type AssetId, type ChainId, type Digest } from '@bulkhead/intent';
import type { Directory, Estate, ManagedAddress } from '@bulkhead/segregation';
import { type Map as ImmutableMap, type Set as ImmutableSet } from 'immutable';
import type { Asset, Category, GenesisAct, Wallet } from './acts.js';
import { FIRM_CHAIN, type ChainName, type Head } from './entry.js';
import type { Policy } from './governance-acts.js';
import type { Governed, Limits, Rules } from './governed.js';
import type { KeyLife } from './key-life.js';
import type { FormerKeys, KeyReplacement } from './key-replacement.js';
import type { Shapes } from './look-alikes.js';
import type { Resharing } from './mpc-resharing.js';
import type { Ownership } from './ownership.js';
import type { Calendar, Signer } from './parties.js';
import type { PendingAct } from './pending.js';

export interface Owner {
  readonly id: string;
  readonly name: string;
  readonly estate: Estate;
}

export interface Destination {
  readonly id: string;
  readonly owner: string;
  readonly chain: ChainId;
  readonly address: string;
  readonly label: string;
  readonly category: Category;
  readonly ownership: Ownership;
  /** A known address that it could be mistaken for, when it was approved. */
  readonly looksLike: string | null;
  /** RFC 3339: what its entry says; what was proposed before it does not pay it. */
  readonly enactedAt: string;
  /** RFC 3339: since when it is registered. */
  readonly approvedAt: string;
  /** RFC 3339: since when it may be paid. Before, it cools: only test payments go there. */
  readonly usableFrom: string;
}

export interface RevokedDestination extends Destination {
  /** RFC 3339. */
  readonly revokedAt: string;
}

/** Everything that the charter says, as one immutable value. */
export interface CharterState {
  /** Hash of the genesis entry: the firm's identity. */
  readonly firm: Digest;
  readonly genesis: GenesisAct;
  readonly members: ReadonlyMap<string, Member>;
  readonly groups: Groups;
  readonly signers: ReadonlyMap<string, Signer>;
  readonly rules: Rules;
  readonly calendar: Calendar | undefined;
  /** The genesis's, as later entries have changed them. */
  readonly quorums: GenesisAct['quorums'];
  readonly limits: Limits;
  readonly heads: ImmutableMap<ChainName, Head>;
  /** RFC 3339: when the newest entry of each chain was enacted. */
  readonly enactedAt: ImmutableMap<ChainName, string>;
  readonly intents: ImmutableSet<string>;
  readonly owners: ImmutableMap<string, Owner>;
  readonly wallets: ImmutableMap<string, Wallet>;
  readonly assets: ImmutableMap<AssetId, Asset>;
  /** By {@link addressKey}. */
  readonly addresses: ImmutableMap<string, ManagedAddress>;
  /** By {@link addressKey}; an address can be a destination of several owners. */
  readonly destinations: ImmutableMap<string, ImmutableMap<string, Destination>>;
  readonly destinationIds: ImmutableSet<string>;
  /** By id: for whoever looks back. */
  readonly revokedDestinations: ImmutableMap<string, RevokedDestination>;
  /** Of every address above, and of every one that was a destination. */
  readonly shapes: Shapes;
  /** Compressed public key of a quorum, or a recovery xpub, to wallet id. */
  readonly publicKeys: ImmutableMap<string, string>;
  /** By wallet: the key of it that is being replaced. */
  readonly replacements: ImmutableMap<string, KeyReplacement>;
  /** By wallet, oldest first. */
  readonly formerKeys: ImmutableMap<string, readonly FormerKeys[]>;
  /** By MPC wallet. */
  readonly resharings: ImmutableMap<string, Resharing>;
  /** By public key: what was said of it since its wallet was opened. See `keyLife`. */
  readonly keyLives: ImmutableMap<string, KeyLife>;
  /** By wallet, RFC 3339: when its keys were looked at last, as it was opened at first. */
  readonly keyReviews: ImmutableMap<string, string>;
  /** By id. */
  readonly policies: ImmutableMap<string, Policy>;
  /** By id, as they were: not in force any more. */
  readonly removedPolicies: ImmutableMap<string, Policy>;
  /** What is frozen, to the reason why. */
  readonly frozen: ImmutableMap<string, string>;
  /** By intent id. */
  readonly pending: ImmutableMap<string, PendingAct>;
  /** RFC 3339: when all that is in force has waited by this replica's own clock. Undefined where it never came late. */
  readonly settledFrom?: string | undefined;
  /** Ids and keys of members that were revoked. */
  readonly retired: ImmutableSet<string>;
}

/** One form per address, so that spelling cannot make two of one: EVM addresses and bech32 are compared in lower case. */
export function addressKey(chain: ChainId, address: string): string {
  const lower = isEthereumChain(chain) || /^(bc1|tb1|bcrt1)/i.test(address);
  return `${chain}:${lower ? address.toLowerCase() : address}`;
}

export const firmHead = (state: CharterState): Head => {
  const head = state.heads.get(FIRM_CHAIN);
  if (!head) throw new Error('a charter state always has a firm head');
  return head;
};

/**
 * The instant at which an intent is enacted: now, or, where another clock was ahead, no earlier than it was proposed and
 * than the entries that it follows.
 */
export function enactmentAt(
  state: CharterState,
  { chain, createdAt }: { readonly chain: ChainName; readonly createdAt: string },
  now: string,
): string {
  const followed = [chain, FIRM_CHAIN].flatMap((name) => state.enactedAt.get(name) ?? []);
  return [now, createdAt, ...followed].reduce((latest, at) => (at > latest ? at : latest));
}

export const quorumFor = (state: CharterState, governed: Governed): Quorum | undefined => state.quorums[governed];

export const isFirmChain = (genesis: GenesisAct, chain: ChainId): boolean =>
  chain === genesis.bitcoin || chain === genesis.ethereum;

export const safeContractsOf = (state: CharterState): SafeContracts => state.genesis.safeContracts;

/** The charter as the segregation rules see it. */
export const directoryOf = (state: CharterState): Directory => ({
  managed: (chain, address) => state.addresses.get(addressKey(chain, address)),
  isDestination: (owner, chain, address) => state.destinations.get(addressKey(chain, address))?.has(owner) ?? false,
});
