import { bitcoinAsset, type AssetId, type BitcoinChainId } from '@bulkhead/intent';
import type { BitcoinBlock, MinedBitcoinTransaction } from '../../chains/bitcoin-client.js';
import {
  isWalletAddress,
  noChanges,
  type BlockChanges,
  type BlockLookups,
  type ChangeList,
  type Coin,
  type KnownTransfer,
  type NewCoin,
  type WalletAddress,
} from './block-changes.js';
import { takeIn } from './inflow.js';
import { bookPayment, bookUnexplained } from './outflow.js';

/** Consensus rule COINBASE_MATURITY: the newest block in which a coinbase output has become spendable is its 100th. */
const COINBASE_CONFIRMATIONS = 100;

export interface BitcoinLookups extends BlockLookups {
  readonly chain: BitcoinChainId;
  /** An unspent coin of ours, as the blocks before this one leave it. */
  coin(outpoint: string): Coin | undefined;
  /** A transfer by the id of its transaction. */
  transfer(txid: string): KnownTransfer | undefined;
}

/** An output that goes to a wallet of ours, with its place in that wallet. */
interface OwnOutput {
  readonly to: WalletAddress & { readonly branch: 0 | 1; readonly index: number };
  readonly vout: number;
  readonly amountSat: bigint;
}

/** What a block does to the wallets under management. Pure: everything it needs to know is in `lookups`. */
export function readBitcoinBlock(block: BitcoinBlock, lookups: BitcoinLookups): BlockChanges {
  const { chain } = lookups;
  const changes = noChanges({ chain, height: block.height, hash: block.hash });
  const reader = new BlockReader(changes, lookups, bitcoinAsset(chain));
  for (const transaction of block.transactions) reader.read(transaction);
  return changes;
}

/** Addresses and outpoints that a block speaks of: what its lookups must cover. */
export function mentionedInBitcoinBlock(block: BitcoinBlock): { addresses: Set<string>; outpoints: Set<string> } {
  const addresses = new Set<string>();
  const outpoints = new Set<string>();
  for (const transaction of block.transactions) {
    for (const { address } of transaction.outputs) if (address !== undefined) addresses.add(address);
    for (const address of transaction.spentAddresses.values()) addresses.add(address);
    for (const outpoint of transaction.outpoints) outpoints.add(outpoint);
  }
  return { addresses, outpoints };
}

class BlockReader {
  /** Coins made earlier in the same block can be spent later in it. */
  private readonly freshCoins = new Map<string, Coin>();

  constructor(
    private readonly changes: ChangeList,
    private readonly lookups: BitcoinLookups,
    private readonly asset: AssetId,
  ) {}

  read(transaction: MinedBitcoinTransaction): void {
    const spent = transaction.outpoints.flatMap((outpoint) => {
      const coin = this.freshCoins.get(outpoint) ?? this.lookups.coin(outpoint);
      return coin ? [coin] : [];
    });
    const own = this.ownOutputs(transaction);
    if (spent.length === 0 && own.length === 0) return;
    const { txid } = transaction;
    for (const coin of spent) {
      this.freshCoins.delete(`${coin.txid}:${String(coin.vout)}`);
      this.changes.spentCoins.push({ txid: coin.txid, vout: coin.vout, spentBy: txid });
    }
    const transfer = spent.length === 0 ? undefined : this.transferOf(transaction, spent);
    const fee = transfer && feeOf(transaction, spent);
    this.changes.outcomes.push({ transaction: txid, succeeded: true, fee });
    if (transfer && fee !== undefined) {
      this.readTransfer(transaction, transfer, fee, own);
      return;
    }
    this.readUnexplained(transaction, spent);
    for (const output of own) this.deposit(transaction, output);
  }

  /** The transfer that explains a spend: this very transaction, of coins of its wallet only, that pays its payee. */
  private transferOf(transaction: MinedBitcoinTransaction, spent: readonly Coin[]): KnownTransfer | undefined {
    const transfer = this.lookups.transfer(transaction.txid);
    const allFromIt =
      spent.length === transaction.outpoints.length && spent.every((coin) => coin.wallet === transfer?.wallet);
    const pays = transaction.outputs.some(({ address, amountSat }) => address === transfer?.payee && amountSat > 0n);
    return allFromIt && pays ? transfer : undefined;
  }

  private readTransfer(
    transaction: MinedBitcoinTransaction,
    transfer: KnownTransfer,
    feeSat: bigint,
    own: readonly OwnOutput[],
  ): void {
    let fee = feeSat;
    for (const { index, address, amountSat } of transaction.outputs) {
      const output = own.find(({ vout }) => vout === index);
      if (output && address !== transfer.payee && output.to.wallet === transfer.wallet && output.to.branch === 1) {
        this.addCoin(transaction, output, 'AVAILABLE');
        continue;
      }
      if (amountSat === 0n) continue;
      const booked = bookPayment(this.changes, {
        transfer,
        transaction: transaction.txid,
        position: String(index),
        amount: amountSat,
        fee: { asset: this.asset, amount: fee },
        receiver: address === undefined ? undefined : this.lookups.watched(address),
      });
      fee = 0n; // paid once, with the first output
      if (output && booked) this.addCoin(transaction, output, 'AVAILABLE');
      else if (output) this.deposit(transaction, output);
    }
  }

  /** The whole of what it took, wallet by wallet; what it gave back to a wallet is taken in like any deposit. */
  private readUnexplained(transaction: MinedBitcoinTransaction, spent: readonly Coin[]): void {
    for (const wallet of new Set(spent.map((coin) => coin.wallet))) {
      const coins = spent.filter((coin) => coin.wallet === wallet);
      const [first] = coins;
      if (!first) continue;
      bookUnexplained(this.changes, {
        from: first,
        asset: this.asset,
        amount: coins.reduce((sum, coin) => sum + coin.amountSat, 0n),
        transaction: transaction.txid,
        position: `spend:${wallet}`,
      });
    }
  }

  private deposit(transaction: MinedBitcoinTransaction, output: OwnOutput): void {
    const status = takeIn(this.changes, this.lookups, {
      to: output.to,
      asset: this.asset,
      amount: output.amountSat,
      sources: [...transaction.spentAddresses.values()],
      transaction: transaction.txid,
      position: String(output.vout),
      ...(transaction.isCoinbase ? { leastConfirmations: COINBASE_CONFIRMATIONS } : {}),
    });
    this.addCoin(transaction, output, status);
  }

  private addCoin(transaction: MinedBitcoinTransaction, output: OwnOutput, status: NewCoin['status']): void {
    const { to, vout, amountSat } = output;
    const { wallet, owner, address, branch, index } = to;
    const coin = { txid: transaction.txid, vout, wallet, owner, address, branch, index, amountSat };
    this.freshCoins.set(`${transaction.txid}:${String(vout)}`, coin);
    this.changes.newCoins.push({ ...coin, status, rawTransaction: transaction.raw });
  }

  private ownOutputs(transaction: MinedBitcoinTransaction): OwnOutput[] {
    return transaction.outputs.flatMap(({ index: vout, address, amountSat }) => {
      const to = address === undefined ? undefined : this.lookups.watched(address);
      if (!isWalletAddress(to) || to.branch === undefined || to.index === undefined || amountSat === 0n) return [];
      return [{ to: { ...to, branch: to.branch, index: to.index }, vout, amountSat }];
    });
  }
}

const feeOf = (transaction: MinedBitcoinTransaction, spent: readonly Coin[]): bigint =>
  spent.reduce((sum, coin) => sum + coin.amountSat, 0n) -
  transaction.outputs.reduce((sum, output) => sum + output.amountSat, 0n);
