import { safeSpec, type SafeWallet } from '@bulkhead/charter';
import {
  encodeSafeDeployment,
  isSameAddress,
  isZeroAddress,
  ownerAddress,
  predictSafeAddress,
  safeTxHash,
  type SafeContracts,
} from '@bulkhead/ethereum';
import {
  accepted,
  evmChainNumber,
  refused,
  RefusalError,
  type EthereumChainId,
  type Result,
  type SafeTx,
} from '@bulkhead/intent';
import { Interface } from 'ethers/abi';
import { getAddress } from 'ethers/address';
import { dataSlice } from 'ethers/utils';
import type { EthereumClient } from './ethereum-client.js';
import { SafeKit } from './safe-kit.js';

/** A Safe as the chain has it, found equal to what the charter says. `nonce`: of its next transaction. */
export interface SafeState {
  readonly deployed: boolean;
  readonly nonce: bigint;
  /** Whether its owners are already those that the replacement under way leads to. */
  readonly swapped: boolean;
}

const SAFE_VERSION = '1.4.1';
const FACTORY = new Interface(['function proxyCreationCode() view returns (bytes)']);

/**
 * What we know of Safes, asked a second time: every address, deployment and transaction hash that libs/ethereum
 * computes is computed by Safe's own kit as well, and a difference is refused. The kit gets no key and no signer.
 */
export class SafeGateway {
  readonly #kits = new Map<string, Promise<SafeKit>>();

  constructor(private readonly client: EthereumClient) {}

  /** Whether the contracts that the charter pins are on this chain with the code that it pins; else what differs. */
  async checkContracts(contracts: SafeContracts): Promise<Result<true>> {
    const { singleton, proxyFactory, fallbackHandler, multiSendCallOnly } = contracts;
    for (const [name, pinned] of Object.entries({ singleton, proxyFactory, fallbackHandler, multiSendCallOnly })) {
      const found = await this.client.codeHash(pinned.address);
      if (found !== pinned.codeHash) {
        return refused('ethereum.contract-unknown', 'A contract is not the one that the charter pins.', {
          contract: name,
          address: pinned.address,
          expected: pinned.codeHash,
          found: found ?? 'no code',
        });
      }
    }
    const answer = await this.client.call({
      to: proxyFactory.address,
      data: FACTORY.encodeFunctionData('proxyCreationCode'),
    });
    const [creationCode] = FACTORY.decodeFunctionResult('proxyCreationCode', answer) as unknown as [string];
    return creationCode === contracts.proxyCreationCode
      ? accepted(true)
      : refused('ethereum.contract-unknown', 'The proxy factory makes other proxies than the charter pins.', {
          address: proxyFactory.address,
        });
  }

  /**
   * The call that deploys a wallet's Safe. `ethereum.safe-state` when the kit predicts another address or makes
   * another call, or when the Safe is there already.
   */
  async deployment(wallet: SafeWallet, contracts: SafeContracts): Promise<Result<{ to: string; data: string }>> {
    const spec = safeSpec(wallet);
    const ours = encodeSafeDeployment(spec, contracts);
    if ((await this.client.code(wallet.address)) !== '0x') return differs(wallet, { deployed: 'already' });
    return this.asked(async () => {
      const kit = await this.kitOf(wallet, contracts, false);
      const [address, theirs] = [await kit.getAddress(), await kit.createSafeDeploymentTransaction()];
      const same =
        address === wallet.address &&
        address === predictSafeAddress(spec, contracts) &&
        isSameAddress(theirs.to, ours.to) &&
        theirs.data === ours.data &&
        theirs.value === '0';
      return same ? accepted(ours) : differs(wallet, { address, predicted: predictSafeAddress(spec, contracts) });
    });
  }

  /**
   * Invariant 5: owners, threshold, modules, guard, fallback handler and singleton of a deployed Safe equal the
   * charter's, else `ethereum.safe-state` with every part that differs. A Safe without code is not deployed: nonce 0.
   *
   * @param owners the sets that the chain may show: while a key is being replaced, those before the swap and after it
   */
  async checkState(
    wallet: SafeWallet,
    contracts: SafeContracts,
    owners: readonly (readonly string[])[] = [wallet.keys.map(({ publicKey }) => ownerAddress(publicKey))],
  ): Promise<Result<SafeState>> {
    if ((await this.client.code(wallet.address)) === '0x')
      return accepted({ deployed: false, nonce: 0n, swapped: false });
    return this.asked(async () => {
      const kit = await this.kitOf(wallet, contracts, true);
      const [found, threshold, modules, guard, handler, nonce, singletonWord] = await Promise.all([
        kit.getOwners(),
        kit.getThreshold(),
        kit.getModules(),
        kit.getGuard(),
        kit.getFallbackHandler(),
        kit.getNonce(),
        this.client.storage(wallet.address, 0n),
      ]);
      const singleton = getAddress(dataSlice(singletonWord, 12));
      const place = owners.findIndex((set) => sorted(set) === sorted(found));
      const differences: Record<string, string> = {};
      if (place === -1) differences.owners = sorted(found);
      if (threshold !== wallet.threshold) differences.threshold = String(threshold);
      if (modules.length > 0) differences.modules = sorted(modules);
      if (!isZeroAddress(guard)) differences.guard = guard;
      if (!isSameAddress(handler, contracts.fallbackHandler.address)) differences.fallbackHandler = handler;
      if (!isSameAddress(singleton, contracts.singleton.address)) differences.singleton = singleton;
      return Object.keys(differences).length === 0
        ? accepted({ deployed: true, nonce: BigInt(nonce), swapped: place === 1 })
        : differs(wallet, differences);
    });
  }

  /**
   * Builds the same transaction with the kit and compares the hash that owners sign with our own EIP-712 hash, and
   * with the one that the deployed Safe's `getTransactionHash` gives.
   *
   * @returns the hash, 0x and 64 digits, or `transfer.payload-differs`
   */
  async checkedTransactionHash(
    chain: EthereumChainId,
    wallet: SafeWallet,
    contracts: SafeContracts,
    tx: SafeTx,
  ): Promise<Result<string>> {
    const ours = safeTxHash(chain, wallet.address, tx);
    return this.asked(async () => {
      const deployed = (await this.client.code(wallet.address)) !== '0x';
      const kit = await this.kitOf(wallet, contracts, deployed);
      const { to, value, data, operation, nonce, ...refund } = tx;
      if (operation !== 0) {
        return refused('ethereum.delegatecall-unknown', 'A payment is a plain call.', { safe: wallet.address, to });
      }
      const theirs = await kit.createTransaction({
        transactions: [{ to, value, data }],
        options: { ...refund, nonce: Number(nonce) },
        onlyCalls: true,
      });
      const hash = await kit.getTransactionHash(theirs);
      return hash === ours
        ? accepted(ours)
        : refused('transfer.payload-differs', 'Safe’s kit computes another hash for this transaction.', {
            safe: wallet.address,
            ours,
            theirs: hash,
          });
    });
  }

  /** One kit per Safe: making one asks the node a dozen questions. */
  private kitOf(wallet: SafeWallet, contracts: SafeContracts, deployed: boolean): Promise<SafeKit> {
    const key = `${wallet.address}:${String(deployed)}`;
    const known = this.#kits.get(key);
    if (known) return known;
    const made = this.makeKit(wallet, contracts, deployed);
    this.#kits.set(key, made);
    made.catch(() => this.#kits.delete(key));
    return made;
  }

  private makeKit(wallet: SafeWallet, contracts: SafeContracts, deployed: boolean): Promise<SafeKit> {
    const spec = safeSpec(wallet);
    const common = {
      provider: {
        request: ({ method, params }: { method: string; params?: readonly unknown[] | object }) =>
          this.client.request(method, params),
      },
      contractNetworks: {
        [evmChainNumber(spec.chain).toString()]: {
          safeSingletonAddress: contracts.singleton.address,
          safeProxyFactoryAddress: contracts.proxyFactory.address,
          fallbackHandlerAddress: contracts.fallbackHandler.address,
          // The kit wants a MultiSend; with this one it cannot build a batch that delegatecalls.
          multiSendAddress: contracts.multiSendCallOnly.address,
          multiSendCallOnlyAddress: contracts.multiSendCallOnly.address,
        },
      },
    };
    if (deployed) return SafeKit.init({ ...common, safeAddress: wallet.address });
    return SafeKit.init({
      ...common,
      predictedSafe: {
        safeAccountConfig: { owners: spec.ownerKeys.map(ownerAddress), threshold: spec.threshold },
        safeDeploymentConfig: { saltNonce: spec.saltNonce, safeVersion: SAFE_VERSION },
      },
    });
  }

  /** The kit wraps what our client throws: a node that does not answer must stay recognisable. */
  private async asked<T>(ask: () => Promise<Result<T>>): Promise<Result<T>> {
    try {
      return await ask();
    } catch (error) {
      for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
        if (cause instanceof RefusalError) throw cause;
      }
      throw error;
    }
  }
}

const sorted = (addresses: readonly string[]): string => addresses.toSorted().join(', ');

const differs = (wallet: SafeWallet, differences: Readonly<Record<string, string>>): Result<never> =>
  refused('ethereum.safe-state', 'The Safe on the chain is not the Safe of the charter.', {
    wallet: wallet.id,
    safe: wallet.address,
    ...differences,
  });
