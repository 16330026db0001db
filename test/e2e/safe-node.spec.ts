import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import {
  buildOwnerSwap,
  buildSafeTransfer,
  decodeGasTransaction,
  decodeOwnerSwap,
  decodeSafeLog,
  decodeSafeTx,
  encodeErc20Transfer,
  encodeExecTransaction,
  encodeSafeDeployment,
  gasTransactionDigest,
  predictSafeAddress,
  recoverableSignature,
  safeTxHash,
  serialiseGasTransaction,
  swapInList,
  type EthereumLog,
  type GasTransaction,
  type OwnerSignature,
  type SafeContext,
  type SafeLog,
  type SafeSpec,
} from '@bulkhead/ethereum';
import { erc20Asset, etherAsset, orThrow, type EthereumChainId, type SafeTx } from '@bulkhead/intent';
import SafeNamespace, { EthSafeSignature } from '@safe-global/protocol-kit';
import { Interface, keccak256 } from 'ethers';
import { startAnvil, type Anvil } from '../../apps/cli/src/stack/anvil.js';
import { deployEthereumContracts, type EthereumContracts } from '../../apps/cli/src/stack/ethereum-contracts.js';
import { layoutOf } from '../../apps/cli/src/stack/layout.js';
import { freePort } from '../../apps/cli/src/stack/ports.js';
import { CANONICAL } from '../../libs/ethereum/test/canonical-contracts.js';
import { newOwnerKey, type OwnerKey } from '../../libs/ethereum/test/owner-keys.js';

// the package declares a CommonJS module to TypeScript, and is an ES module when it runs
const Safe = SafeNamespace as unknown as typeof SafeNamespace.default;
type Safe = InstanceType<typeof Safe>;
type KitTransaction = Awaited<ReturnType<Safe['createTransaction']>>;

jest.setTimeout(60_000);

const chain: EthereumChainId = 'eip155:31337';
const owners = [newOwnerKey(), newOwnerKey(), newOwnerKey()];
const spec: SafeSpec = { chain, ownerKeys: owners.map((key) => key.publicKey), threshold: 2, saltNonce: '7' };
const safe = predictSafeAddress(spec, CANONICAL);
const ether = 10n ** 18n;
const bob = newOwnerKey().address;

let anvil: Anvil;
let contracts: EthereumContracts;
let relayer: string;
let networks: NonNullable<Parameters<typeof Safe.init>[0]['contractNetworks']>;
let context: SafeContext;
const folder = mkdtempSync(join(tmpdir(), 'bulkhead-safe-node-'));

beforeAll(async () => {
  anvil = await startAnvil(await freePort(), {
    layout: layoutOf(folder),
    log: () => undefined,
    onUnexpectedExit: (_, report) => {
      throw new Error(report);
    },
  });
  contracts = await deployEthereumContracts(anvil.url);
  relayer = anvil.accounts[1]!;
  context = { contracts: CANONICAL, tokens: new Set([contracts.testToken.toLowerCase()]) };
  networks = {
    '31337': {
      safeSingletonAddress: contracts.safe.safeL2,
      safeProxyFactoryAddress: contracts.safe.safeProxyFactory,
      multiSendAddress: contracts.safe.multiSend,
      multiSendCallOnlyAddress: contracts.safe.multiSendCallOnly,
      fallbackHandlerAddress: contracts.safe.compatibilityFallbackHandler,
      signMessageLibAddress: contracts.safe.signMessageLib,
      createCallAddress: contracts.safe.createCall,
      simulateTxAccessorAddress: contracts.safe.simulateTxAccessor,
    },
  };
});
afterAll(async () => {
  await anvil.part.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Sends from the outside world's account and reads the block's logs as a follower does. */
async function relay(call: { to: string; data?: string; valueWei?: bigint }): Promise<readonly SafeLog[]> {
  const receipt = await anvil.rpc.send({ from: relayer, ...call });
  return logsOf(receipt.blockNumber);
}

async function logsOf(block: string): Promise<readonly SafeLog[]> {
  const logs = await anvil.rpc.call<EthereumLog[]>('eth_getLogs', { fromBlock: block, toBlock: block });
  return logs.map(decodeSafeLog).filter((log) => log !== undefined);
}

const balanceOf = async (address: string): Promise<bigint> =>
  BigInt(await anvil.rpc.call<string>('eth_getBalance', address, 'latest'));

const existingSafe = (): Promise<Safe> =>
  Safe.init({ provider: anvil.url, safeAddress: safe, contractNetworks: networks });

const signedBy = (keys: readonly OwnerKey[], hash: string): OwnerSignature[] =>
  keys.map((key) => ({
    owner: key.address,
    signature: orThrow(recoverableSignature(hash, key.sign(hash), key.address)),
  }));

/** The kit's transaction in our form. */
const ours = ({ data }: KitTransaction): SafeTx => ({
  ...data,
  operation: data.operation as number as 0 | 1,
  nonce: String(data.nonce),
});
const decode = (tx: SafeTx) => decodeSafeTx({ kind: 'safe-tx', chain, safe, tx }, context);

describe('on a real node with Safe 1.4.1', () => {
  it('the pinned contracts are the deployed ones, and so is the creation code of their proxies', async () => {
    for (const pinned of [
      CANONICAL.singleton,
      CANONICAL.proxyFactory,
      CANONICAL.fallbackHandler,
      CANONICAL.multiSendCallOnly,
    ]) {
      expect(keccak256(await anvil.rpc.call<string>('eth_getCode', pinned.address, 'latest'))).toBe(pinned.codeHash);
    }
    const factory = new Interface(['function proxyCreationCode() view returns (bytes)']);
    const answer = await anvil.rpc.call<string>(
      'eth_call',
      { to: CANONICAL.proxyFactory.address, data: factory.encodeFunctionData('proxyCreationCode') },
      'latest',
    );
    expect(factory.decodeFunctionResult('proxyCreationCode', answer)[0]).toBe(CANONICAL.proxyCreationCode);
  });

  it("an address predicted without the node is the one that Safe's kit predicts, by the same deployment", async () => {
    const kit = await Safe.init({
      provider: anvil.url,
      predictedSafe: {
        safeAccountConfig: { owners: owners.map((key) => key.address), threshold: 2 },
        safeDeploymentConfig: { saltNonce: '7', safeVersion: '1.4.1' },
      },
      contractNetworks: networks,
    });
    expect(await kit.getAddress()).toBe(safe);
    const { to, data } = await kit.createSafeDeploymentTransaction();
    expect(encodeSafeDeployment(spec, CANONICAL)).toEqual({ to, data });
  });

  it('a gas payer deploys it there with a transaction that was signed outside', async () => {
    const payer = newOwnerKey();
    await anvil.rpc.send({ from: relayer, to: payer.address, valueWei: ether });
    const tx: GasTransaction = {
      chain,
      from: payer.address,
      nonce: '0',
      ...encodeSafeDeployment(spec, CANONICAL),
      gasLimit: '400000',
      maxFeePerGas: '10000000000',
      maxPriorityFeePerGas: '1000000000',
    };
    expect(decodeGasTransaction(tx, { contracts: CANONICAL })).toMatchObject({ ok: true, value: { safe } });
    const signed = orThrow(serialiseGasTransaction(tx, payer.sign(gasTransactionDigest(tx))));
    expect(await anvil.rpc.call<string>('eth_sendRawTransaction', signed.raw)).toBe(signed.hash);
    await anvil.rpc.receipt(signed.hash);

    const kit = await existingSafe();
    expect(kit.getContractVersion()).toBe('1.4.1');
    expect(await kit.getOwners()).toEqual(owners.map((key) => key.address));
    expect(await kit.getThreshold()).toBe(2);
    expect(await kit.getModules()).toEqual([]);
    expect(await kit.getFallbackHandler()).toBe(CANONICAL.fallbackHandler.address);
  });

  it('deposits of ether and tokens show in the logs', async () => {
    const from = await anvil.rpc.call<string[]>('eth_accounts').then((accounts) => accounts[1]!);
    expect(await relay({ to: safe, valueWei: 5n * ether })).toEqual([
      { kind: 'ether-received', safe, from: expect.stringMatching(new RegExp(from, 'i')), amount: 5n * ether },
    ]);
    const receipt = await anvil.rpc.send({
      from: contracts.deployer,
      to: contracts.testToken,
      data: encodeErc20Transfer(safe, 1000n),
    });
    expect(await logsOf(receipt.blockNumber)).toEqual([
      { kind: 'token-transfer', token: contracts.testToken, from: contracts.deployer, to: safe, amount: 1000n },
    ]);
  });

  it('two of three owners move ether, with the hash and the calldata that the kit makes', async () => {
    const tx = buildSafeTransfer({ asset: etherAsset(chain), to: bob, amount: ether, nonce: 0n });
    const facts = orThrow(decode(tx));
    const signatures = signedBy([owners[2]!, owners[0]!], facts.safeTxHash);
    const data = encodeExecTransaction(tx, signatures);

    const kit = await existingSafe();
    const theirs = await kit.createTransaction({ transactions: [{ to: bob, value: ether.toString(), data: '0x' }] });
    expect(ours(theirs)).toEqual(tx);
    expect(await kit.getTransactionHash(theirs)).toBe(facts.safeTxHash);
    for (const { owner, signature } of signatures) theirs.addSignature(new EthSafeSignature(owner, signature));
    expect(await kit.getEncodedTransaction(theirs)).toBe(data);

    expect(await relay({ to: safe, data })).toEqual([
      { kind: 'execution', safe, safeTxHash: facts.safeTxHash, success: true },
    ]);
    expect(await balanceOf(bob)).toBe(ether);
  });

  it('one owner, an outsider, or the same signatures again move nothing', async () => {
    const tx = buildSafeTransfer({ asset: etherAsset(chain), to: bob, amount: 1n, nonce: 1n });
    const hash = safeTxHash(chain, safe, tx);
    const spent = buildSafeTransfer({ asset: etherAsset(chain), to: bob, amount: ether, nonce: 0n });
    for (const data of [
      encodeExecTransaction(tx, signedBy([owners[0]!], hash)),
      encodeExecTransaction(tx, signedBy([owners[0]!, newOwnerKey()], hash)),
      encodeExecTransaction(spent, signedBy([owners[0]!, owners[1]!], safeTxHash(chain, safe, spent))),
    ]) {
      await expect(anvil.rpc.call('eth_call', { from: relayer, to: safe, data }, 'latest')).rejects.toThrow(/GS0/);
    }
  });

  it('two of three owners move tokens', async () => {
    const asset = erc20Asset(chain, contracts.testToken);
    const tx = buildSafeTransfer({ asset, to: bob, amount: 250n, nonce: 1n });
    const facts = orThrow(decode(tx));
    expect(facts.spends).toEqual([{ asset, to: bob, amount: 250n, kind: 'TRANSFER' }]);
    const data = encodeExecTransaction(tx, signedBy([owners[1]!, owners[2]!], facts.safeTxHash));
    expect(await relay({ to: safe, data })).toEqual([
      { kind: 'token-transfer', token: contracts.testToken, from: safe, to: bob, amount: 250n },
      { kind: 'execution', safe, safeTxHash: facts.safeTxHash, success: true },
    ]);
  });

  it("a batch of the kit's is read call by call, and does just that", async () => {
    const kit = await existingSafe();
    const theirs = await kit.createTransaction({
      transactions: [
        { to: bob, value: '3', data: '0x' },
        { to: contracts.testToken, value: '0', data: encodeErc20Transfer(bob, 50n) },
      ],
      onlyCalls: true,
    });
    const facts = orThrow(decode(ours(theirs)));
    expect(facts.safeTxHash).toBe(await kit.getTransactionHash(theirs));
    expect(facts.spends).toEqual([
      { asset: etherAsset(chain), to: bob, amount: 3n, kind: 'TRANSFER' },
      { asset: erc20Asset(chain, contracts.testToken), to: bob, amount: 50n, kind: 'TRANSFER' },
    ]);
    const before = await balanceOf(bob);
    const signatures = signedBy([owners[0]!, owners[1]!], facts.safeTxHash);
    const logs = await relay({ to: safe, data: encodeExecTransaction(ours(theirs), signatures) });
    expect(logs.map(({ kind }) => kind)).toEqual(['token-transfer', 'execution']);
    expect(await balanceOf(bob)).toBe(before + 3n);
  });

  it('what the kit offers to change in a Safe is refused, and so is any other delegatecall', async () => {
    const kit = await existingSafe();
    const changes = [
      await kit.createAddOwnerTx({ ownerAddress: bob }),
      await kit.createSwapOwnerTx({ oldOwnerAddress: owners[0]!.address, newOwnerAddress: bob }),
      await kit.createRemoveOwnerTx({ ownerAddress: owners[0]!.address, threshold: 1 }),
      await kit.createChangeThresholdTx(1),
      await kit.createEnableModuleTx(bob),
      await kit.createRejectionTransaction(await kit.getNonce()),
    ];
    for (const change of changes) {
      expect(decode(ours(change))).toMatchObject({ refusal: { code: 'ethereum.calls-itself' } });
    }
    const [transfer, change] = [{ to: bob, value: '1', data: '0x' }, changes[0]!.data];
    const hidden = await kit.createTransaction({ transactions: [transfer, change], onlyCalls: true });
    expect(decode(ours(hidden))).toMatchObject({ refusal: { code: 'ethereum.calls-itself' } });
    const withMultiSend = await kit.createTransaction({ transactions: [transfer, transfer], onlyCalls: false });
    expect(decode(ours(withMultiSend))).toMatchObject({ refusal: { code: 'ethereum.delegatecall-unknown' } });
  });

  it('an owner swap is the kit’s to the byte, wherever the owner stands, and the chain does just that', async () => {
    const kit = await existingSafe();
    const listed = await kit.getOwners();
    const comes = newOwnerKey();
    for (const retiring of listed) {
      const theirs = await kit.createSwapOwnerTx({ oldOwnerAddress: retiring, newOwnerAddress: comes.address });
      const swap = swapInList(listed, retiring, comes.address);
      expect(buildOwnerSwap(safe, swap, BigInt(theirs.data.nonce))).toEqual(ours(theirs));
    }
    const [first, goes] = [owners[0]!, owners[1]!];
    const swap = swapInList(listed, goes.address, comes.address);
    const tx = buildOwnerSwap(safe, swap, BigInt(await kit.getNonce()));
    const { safeTxHash: hash, ...facts } = orThrow(decodeOwnerSwap({ kind: 'safe-tx', chain, safe, tx }));
    expect(facts).toMatchObject(swap);
    const wrong = buildOwnerSwap(safe, { ...swap, previous: owners[2]!.address }, BigInt(tx.nonce));
    const wrongHash = safeTxHash(chain, safe, wrong);
    const refusedByTheChain = encodeExecTransaction(wrong, signedBy([first, owners[2]!], wrongHash));
    await expect(
      anvil.rpc.call('eth_call', { from: relayer, to: safe, data: refusedByTheChain }, 'latest'),
    ).rejects.toThrow(/GS0/);
    const data = encodeExecTransaction(tx, signedBy([first, owners[2]!], hash));
    expect(await relay({ to: safe, data })).toEqual([{ kind: 'execution', safe, safeTxHash: hash, success: true }]);
    expect(await kit.getOwners()).toEqual([first.address, comes.address, owners[2]!.address]);
    expect(await kit.getThreshold()).toBe(2);
    await expect(anvil.rpc.call('eth_call', { from: relayer, to: safe, data }, 'latest')).rejects.toThrow(/GS0/);

    const pays = buildSafeTransfer({
      asset: etherAsset(chain),
      to: bob,
      amount: 1n,
      nonce: BigInt(await kit.getNonce()),
    });
    const payHash = safeTxHash(chain, safe, pays);
    const byTheOld = encodeExecTransaction(pays, signedBy([first, goes], payHash));
    await expect(anvil.rpc.call('eth_call', { from: relayer, to: safe, data: byTheOld }, 'latest')).rejects.toThrow(
      /GS026/,
    );
    await relay({ to: safe, data: encodeExecTransaction(pays, signedBy([first, comes], payHash)) });
  });
});
