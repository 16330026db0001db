import {
  applyEntry,
  clientChain,
  FIRM_CHAIN,
  type CharterEntry,
  type CharterState,
  type Owner,
  type Wallet,
} from '@bulkhead/charter';
import { refused, type Digest, type Result } from '@bulkhead/intent';

/** The entries that one owner's affairs follow from: the firm's chain and the owner's own, and nobody else's. */
export const extractFor = (entries: readonly CharterEntry[], owner: string): CharterEntry[] =>
  entries.filter(({ intent }) => intent.chain === FIRM_CHAIN || intent.chain === clientChain(owner));

/**
 * Runs an extract through the charter's reducer, every approval verified, from the one genesis that the caller pins.
 * Entries stand in the order of their enactment.
 *
 * The firm's chain can freeze owners and wallets whose own chains are not part of the extract: such an entry is
 * checked and counted like any other, and what it freezes is nobody that the result knows.
 *
 * Refusals: `kit.mismatch` for another firm's genesis, `kit.malformed` for an empty extract, else the reducer's.
 */
export function replayExtract(entries: readonly unknown[], firm: Digest): Result<CharterState> {
  let state: CharterState | undefined;
  for (const entry of entries) {
    const known: CharterState | undefined = state && withStrangers(state, entry);
    const next = applyEntry(known, entry);
    if (!next.ok) return next;
    state = state && known ? withoutStrangers(next.value, known, state) : next.value;
    if (state.firm !== firm) {
      return refused('kit.mismatch', 'The charter begins with another genesis than the one that was pinned.', {
        pinned: firm,
        genesis: state.firm,
      });
    }
  }
  return state ? { ok: true, value: state } : refused('kit.malformed', 'The extract has no entries.');
}

/** The state with somebody in the place of each owner and wallet that a freeze names and the extract does not have. */
function withStrangers(state: CharterState, entry: unknown): CharterState {
  const scopes = [...scopesIn(entry), ...[...state.pending.values()].flatMap(({ act }) => scopesIn(act))];
  let { owners, wallets } = state;
  for (const { of, id } of scopes) {
    if (of === 'owner' && !owners.has(id)) owners = owners.set(id, stranger(id));
    if (of === 'wallet' && !wallets.has(id)) wallets = wallets.set(id, strangersWallet(id));
  }
  return { ...state, owners, wallets };
}

/** Takes them out again, so that no later act can build on somebody who was only named. */
function withoutStrangers(next: CharterState, known: CharterState, before: CharterState): CharterState {
  const added = <T>(all: Iterable<[string, T]>, own: { has(id: string): boolean }): string[] =>
    [...all].map(([id]) => id).filter((id) => !own.has(id));
  return {
    ...next,
    owners: next.owners.deleteAll(added(known.owners, before.owners)),
    wallets: next.wallets.deleteAll(added(known.wallets, before.wallets)),
  };
}

const stranger = (id: string): Owner => ({ id, name: id, estate: 'CLIENT' });

/** Of a kind that has no keys to sign with and no address to pay. */
const strangersWallet = (id: string): Wallet => ({
  kind: 'gas-payer',
  id,
  owner: id,
  chain: 'eip155:0',
  keys: [],
  address: '',
});

interface Scope {
  readonly of: 'owner' | 'wallet';
  readonly id: string;
}

/** The scopes of owners and wallets in an act, also in one that is wrapped in another. */
function scopesIn(value: unknown): Scope[] {
  if (typeof value !== 'object' || value === null) return [];
  const here = value as { of?: unknown; owner?: unknown; wallet?: unknown };
  const own: Scope[] = [];
  if (here.of === 'owner' && typeof here.owner === 'string') own.push({ of: 'owner', id: here.owner });
  if (here.of === 'wallet' && typeof here.wallet === 'string') own.push({ of: 'wallet', id: here.wallet });
  return [...own, ...Object.values(value).flatMap(scopesIn)];
}
