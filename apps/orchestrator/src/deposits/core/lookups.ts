import { addressKey } from '@bulkhead/charter';
import type { ChainId } from '@bulkhead/intent';
import type { Estate } from '@bulkhead/segregation';
import type { EntityManager } from 'typeorm';
import type { Coin, KnownTransfer, WatchedAddress } from './block-changes.js';

interface AddressRow {
  address_key: string;
  address: string;
  owner: string;
  estate: Estate;
  wallet: string | null;
  branch: 0 | 1 | null;
  idx: number | null;
  kind: WatchedAddress['kind'] | null;
}
interface TransferRow extends Omit<KnownTransfer, 'amount'> {
  readonly amount: string;
  readonly key: string;
}
interface CoinRow {
  txid: string;
  vout: number;
  wallet: string;
  owner: string;
  address: string;
  branch: 0 | 1;
  idx: number;
  amount: string;
}

/** Which of these addresses are under management. The registry is asked in the transaction that applies the block. */
export async function watchedAddresses(
  manager: EntityManager,
  chain: ChainId,
  addresses: ReadonlySet<string>,
): Promise<(address: string) => WatchedAddress | undefined> {
  const keyOf = (address: string): string => addressKey(chain, address).slice(chain.length + 1);
  const rows: AddressRow[] = await manager.query(
    `select a.address_key, a.address, a.owner, a.estate, a.wallet, a.branch, a.idx, w.kind
     from managed_address a left join wallet w on w.id = a.wallet
     where a.chain = $1 and a.address_key = any($2)`,
    [chain, [...addresses].map(keyOf)],
  );
  const byKey = new Map(
    rows.map(({ address_key, address, owner, estate, wallet, branch, idx, kind }) => [
      address_key,
      {
        address,
        owner,
        estate,
        wallet: wallet ?? undefined,
        branch: branch ?? undefined,
        index: idx ?? undefined,
        kind: kind ?? undefined,
      },
    ]),
  );
  return (address) => byKey.get(keyOf(address));
}

/** Which of these outpoints (`txid:vout`) are unspent coins of ours. */
export async function unspentCoins(
  manager: EntityManager,
  chain: ChainId,
  outpoints: ReadonlySet<string>,
): Promise<(outpoint: string) => Coin | undefined> {
  const places = [...outpoints].map((outpoint) => outpoint.split(':'));
  const rows: CoinRow[] = await manager.query(
    `select c.txid, c.vout, c.wallet, c.owner, c.address, c.branch, c.idx, c.amount
     from unnest($2::text[], $3::int[]) spent (txid, vout)
     join coin c on c.chain = $1 and c.txid = spent.txid and c.vout = spent.vout
     where c.spent_by is null`,
    [chain, places.map(([txid]) => txid), places.map(([, vout]) => vout)],
  );
  const byOutpoint = new Map(
    rows.map(({ amount, idx, ...coin }) => [
      `${coin.txid}:${String(coin.vout)}`,
      { ...coin, index: idx, amountSat: BigInt(amount) },
    ]),
  );
  return (outpoint) => byOutpoint.get(outpoint);
}

/**
 * Transfers by the id of their Bitcoin transaction, or by the hash that the Safe's owners signed. One that is not known to
 * be signed is found by the bytes that were built for it: the database may be a restored one, and the chain ahead of it.
 */
export async function knownTransfers(
  manager: EntityManager,
  chain: ChainId,
  by: 'tx_id' | 'safe_tx_hash',
  keys: ReadonlySet<string>,
): Promise<(key: string) => KnownTransfer | undefined> {
  const rows: TransferRow[] =
    keys.size === 0
      ? []
      : await manager.query(
          `select id, owner, wallet, purpose, asset, amount, payee, key from (
             select *, ${by} as key, 1 as rank from transfer where chain = $1 and ${by} = any($2)
             union all
             select *, payload_id as key, 0 as rank from transfer
             where chain = $1 and payload_id = any($2) and state in ('PENDING_APPROVAL', 'READY', 'SIGNING')
           ) known order by rank`,
          [chain, [...keys]],
        );
  // of two of the same bytes the one that was signed comes last, and stands
  const byKey = new Map(rows.map(({ key, amount, ...transfer }) => [key, { ...transfer, amount: BigInt(amount) }]));
  return (key) => byKey.get(key);
}
