import { Injectable } from '@nestjs/common';
import { branchDescriptor, taprootDescriptor } from '@bulkhead/bitcoin';
import { addressesOf, addressKey, bitcoinSpec, taprootSpec, type CharterState, type Wallet } from '@bulkhead/charter';
import {
  bitcoinAsset,
  chainOfAsset,
  etherAsset,
  isBitcoinChain,
  isEthereumChain,
  orThrow,
  tokenOfAsset,
} from '@bulkhead/intent';
import type { AssetId, BitcoinChainId, EthereumChainId, ChainId } from '@bulkhead/intent';
import { AbiCoder, Interface } from 'ethers/abi';
import type { EntityManager } from 'typeorm';
import { CharterService } from '../../charter/core/charter.service.js';
import type { ChainBalance, ChainBalances, Checkpoint } from '../../ledger/core/chain-balances.js';
import { BitcoinClient, type ScannedDescriptor } from '../bitcoin-client.js';
import { EthereumClient } from '../ethereum-client.js';
import { cursorOf } from './cursor.js';

const TOKEN = new Interface(['function balanceOf(address account) view returns (uint256)']);

/** What the nodes say of balances: nothing in it comes from what the followers have read. */
@Injectable()
export class NodeBalances implements ChainBalances {
  constructor(
    private readonly bitcoin: BitcoinClient,
    private readonly ethereum: EthereumClient,
    private readonly charter: CharterService,
  ) {}

  async checkpoint(manager: EntityManager, chain: ChainId): Promise<Checkpoint | undefined> {
    const cursor = await cursorOf(manager, chain);
    return cursor && { chain, height: cursor.height, hash: cursor.hash };
  }

  async balancesAt(checkpoint: Checkpoint, wallets: readonly string[]): Promise<readonly ChainBalance[] | 'MOVED'> {
    const state = await this.charter.required();
    const known = wallets.map((id) => {
      const wallet = state.wallets.get(id);
      if (wallet?.chain !== checkpoint.chain) throw new Error(`${id} is no wallet of ${checkpoint.chain}`);
      return wallet;
    });
    if (known.length === 0) return [];
    const { chain } = checkpoint;
    if (isBitcoinChain(chain)) return this.bitcoinBalances(chain, checkpoint.hash, known, state);
    if (isEthereumChain(chain)) return this.ethereumBalances(chain, checkpoint, known, state);
    throw new Error('a chain of a third kind');
  }

  private async bitcoinBalances(
    chain: BitcoinChainId,
    blockHash: string,
    wallets: readonly Wallet[],
    state: CharterState,
  ): Promise<readonly ChainBalance[] | 'MOVED'> {
    const descriptors = wallets.flatMap(descriptorsOf);
    const unspent = await this.bitcoin.unspent(descriptors);
    if (unspent.hash !== blockHash) return 'MOVED';
    const asset = bitcoinAsset(chain);
    const totals = new Map(wallets.map((wallet) => [wallet.id, 0n]));
    for (const { address, amountSat, outpoint } of unspent.coins) {
      const wallet = address === undefined ? undefined : state.addresses.get(addressKey(chain, address))?.wallet;
      const total = wallet === undefined ? undefined : totals.get(wallet);
      if (wallet === undefined || total === undefined)
        throw new Error(`the node counts ${outpoint} to no wallet of ours`);
      totals.set(wallet, total + amountSat);
    }
    return [...totals].map(([wallet, amount]) => ({ wallet, asset, amount }));
  }

  private async ethereumBalances(
    chain: EthereumChainId,
    { height, hash }: Checkpoint,
    wallets: readonly Wallet[],
    state: CharterState,
  ): Promise<readonly ChainBalance[] | 'MOVED'> {
    const tokens = [...state.assets.keys()].filter(
      (asset) => chainOfAsset(asset) === chain && tokenOfAsset(asset) !== undefined,
    );
    const assets = [etherAsset(chain), ...tokens];
    if ((await this.ethereum.header(height))?.hash !== hash) return 'MOVED';
    const balances = await Promise.all(
      wallets.flatMap((wallet) => {
        const [own] = orThrow(addressesOf(wallet, state.genesis.safeContracts));
        if (!own) throw new Error(`the account ${wallet.id} has no address`);
        return assets.map(async (asset) => ({
          wallet: wallet.id,
          asset,
          amount: await this.accountBalance(own.address, asset, height),
        }));
      }),
    );
    // the height was asked for, so it must have been this block all along
    return (await this.ethereum.header(height))?.hash === hash ? balances : 'MOVED';
  }

  private async accountBalance(account: string, asset: AssetId, height: number): Promise<bigint> {
    const token = tokenOfAsset(asset);
    if (token === undefined) return this.ethereum.balance(account, height);
    const answer = await this.ethereum.call(
      { to: token, data: TOKEN.encodeFunctionData('balanceOf', [account]) },
      height,
    );
    const [balance] = AbiCoder.defaultAbiCoder().decode(['uint256'], answer) as unknown as [bigint];
    return balance;
  }
}

function descriptorsOf(wallet: Wallet): readonly ScannedDescriptor[] {
  if (wallet.kind === 'taproot-mpc') return [{ descriptor: taprootDescriptor(taprootSpec(wallet)), count: null }];
  if (wallet.kind !== 'bitcoin-multisig') return [];
  return ([0, 1] as const).map((branch) => ({
    descriptor: branchDescriptor(bitcoinSpec(wallet), branch),
    count: wallet.addressWindow,
  }));
}
