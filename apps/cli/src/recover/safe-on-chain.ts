import { ownerSets, safeContractsOf, type CharterState, type SafeWallet } from '@bulkhead/charter';
import { isSameAddress } from '@bulkhead/ethereum';
import { tokenOfAsset, type AssetId } from '@bulkhead/intent';
import { Interface, keccak256 } from 'ethers';
import { Failure, type EthereumRpc } from '../stack/index.js';

const SAFE = new Interface([
  'function getOwners() view returns (address[])',
  'function getThreshold() view returns (uint256)',
  'function nonce() view returns (uint256)',
]);
const TOKEN = new Interface(['function balanceOf(address) view returns (uint256)']);

/** A Safe as the chain has it now. */
export interface SafeOnChain {
  readonly deployed: boolean;
  readonly owners: readonly string[];
  readonly threshold: bigint;
  readonly nonce: bigint;
}

/** @throws Failure when the node is of another chain, or the pinned Safe contracts have other code there */
export async function requireEthereum(rpc: EthereumRpc, state: CharterState): Promise<void> {
  const found = `eip155:${BigInt(await rpc.call<string>('eth_chainId'))}`;
  if (found !== state.genesis.ethereum) {
    throw new Failure(`The node is on ${found}, and the charter on ${state.genesis.ethereum}.`);
  }
  const { singleton, proxyFactory, fallbackHandler, multiSendCallOnly } = safeContractsOf(state);
  for (const { address, codeHash } of [singleton, proxyFactory, fallbackHandler, multiSendCallOnly]) {
    const code = await rpc.call<string>('eth_getCode', address, 'latest');
    if (keccak256(code) !== codeHash) throw new Failure(`The contract at ${address} is not the one that was pinned.`);
  }
}

/**
 * @throws Failure when the Safe's owners or threshold are not those of the charter, nor, while one is being replaced, those
 * that this leads to: somebody changed them
 */
export async function safeOnChain(rpc: EthereumRpc, state: CharterState, wallet: SafeWallet): Promise<SafeOnChain> {
  const code = await rpc.call<string>('eth_getCode', wallet.address, 'latest');
  if (code === '0x') return { deployed: false, owners: [], threshold: 0n, nonce: 0n };
  const [owners, threshold, nonce] = await Promise.all([
    ask<string[]>(rpc, wallet.address, 'getOwners'),
    ask<bigint>(rpc, wallet.address, 'getThreshold'),
    ask<bigint>(rpc, wallet.address, 'nonce'),
  ]);
  const same =
    threshold === BigInt(wallet.threshold) &&
    ownerSets(state, wallet).some(
      (expected) =>
        owners.length === expected.length &&
        expected.every((owner) => owners.some((found) => isSameAddress(found, owner))),
    );
  if (!same) throw new Failure(`The owners of ${wallet.address} are not those of the charter.`, owners.join(', '));
  return { deployed: true, owners, threshold, nonce };
}

async function ask<T>(rpc: EthereumRpc, safe: string, name: 'getOwners' | 'getThreshold' | 'nonce'): Promise<T> {
  const answer = await rpc.call<string>('eth_call', { to: safe, data: SAFE.encodeFunctionData(name) }, 'latest');
  return SAFE.decodeFunctionResult(name, answer)[0] as T;
}

/** What an account holds of a listed asset, in its smallest unit. */
export async function holdingOf(rpc: EthereumRpc, account: string, asset: AssetId): Promise<bigint> {
  const token = tokenOfAsset(asset);
  if (token === undefined) return BigInt(await rpc.call<string>('eth_getBalance', account, 'latest'));
  const data = TOKEN.encodeFunctionData('balanceOf', [account]);
  const answer = await rpc.call<string>('eth_call', { to: token, data }, 'latest');
  return TOKEN.decodeFunctionResult('balanceOf', answer)[0] as bigint;
}
