import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AbiCoder, concat, getAddress, getCreate2Address, keccak256, ZeroHash } from 'ethers';
import { projectFolder } from '#bootstrap/project.mjs';
import { EthereumRpc } from './ethereum-rpc.js';

/** Safe 1.4.1, each contract by its artifact and by its published deployment. */
const SAFE_CONTRACTS = {
  safeL2: ['SafeL2.sol/SafeL2', 'safe_l2'],
  safeProxyFactory: ['proxies/SafeProxyFactory.sol/SafeProxyFactory', 'safe_proxy_factory'],
  compatibilityFallbackHandler: [
    'handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler',
    'compatibility_fallback_handler',
  ],
  multiSend: ['libraries/MultiSend.sol/MultiSend', 'multi_send'],
  multiSendCallOnly: ['libraries/MultiSendCallOnly.sol/MultiSendCallOnly', 'multi_send_call_only'],
  signMessageLib: ['libraries/SignMessageLib.sol/SignMessageLib', 'sign_message_lib'],
  createCall: ['libraries/CreateCall.sol/CreateCall', 'create_call'],
  simulateTxAccessor: ['accessors/SimulateTxAccessor.sol/SimulateTxAccessor', 'simulate_tx_accessor'],
} as const;
type SafeContract = keyof typeof SAFE_CONTRACTS;

const TOKEN_SUPPLY_UNITS = 1_000_000_000n * 10n ** 18n;

interface Artifact {
  readonly bytecode: string;
}
interface Published {
  readonly deployments: { readonly canonical: { readonly address: string; readonly codeHash: string } };
}
interface FactoryInfo {
  readonly gasPrice: number;
  readonly gasLimit: number;
  readonly signerAddress: string;
  readonly transaction: string;
  readonly address: string;
}

/** Checksummed addresses. */
export interface EthereumContracts {
  readonly safe: Readonly<Record<SafeContract, string>>;
  /** A plain ERC-20 "Test Dollar" (TUSD, 18 decimals), all of it first held by `deployer`. */
  readonly testToken: string;
  /** The development account that deployed the token: the outside world. */
  readonly deployer: string;
}

/**
 * Puts the Safe 1.4.1 contracts at their canonical addresses, as on public networks, and a test token on a development
 * chain; sends from the node's own accounts. What is there already stays.
 * @throws Error when an address or a code hash differs from the published deployment
 */
export async function deployEthereumContracts(rpcUrl: string): Promise<EthereumContracts> {
  const rpc = new EthereumRpc(rpcUrl);
  const [deployer] = await rpc.call<string[]>('eth_accounts');
  if (!deployer) throw new Error('the node holds no accounts: this is not a development chain');
  const factory = await deploySingletonFactory(rpc, deployer);
  const safe: Partial<Record<SafeContract, string>> = {};
  for (const contract of Object.keys(SAFE_CONTRACTS) as SafeContract[]) {
    safe[contract] = await deploySafeContract(rpc, deployer, factory, contract);
  }
  const testToken = await deployTestToken(rpc, deployer, factory);
  return { safe: safe as Record<SafeContract, string>, testToken, deployer: getAddress(deployer) };
}

/** The factory's deployment is one transaction, signed once by its authors for this chain id: pay its sender, broadcast it. */
async function deploySingletonFactory(rpc: EthereumRpc, payer: string): Promise<string> {
  const chainId = BigInt(await rpc.call<string>('eth_chainId'));
  const info = readPackaged(`@safe-global/safe-singleton-factory/artifacts/${chainId}/deployment.json`) as FactoryInfo;
  if (await hasCode(rpc, info.address)) return info.address;
  await rpc.send({ from: payer, to: info.signerAddress, valueWei: BigInt(info.gasPrice) * BigInt(info.gasLimit) });
  await rpc.receipt(await rpc.call<string>('eth_sendRawTransaction', info.transaction));
  return info.address;
}

async function deploySafeContract(
  rpc: EthereumRpc,
  from: string,
  factory: string,
  contract: SafeContract,
): Promise<string> {
  const [artifact, deployment] = SAFE_CONTRACTS[contract];
  const { bytecode } = readPackaged(
    `@safe-global/safe-contracts/build/artifacts/contracts/${artifact}.json`,
  ) as Artifact;
  const published = readPackaged(`@safe-global/safe-deployments/dist/assets/v1.4.1/${deployment}.json`) as Published;
  const { canonical } = published.deployments;
  const address = await deployByFactory(rpc, from, factory, bytecode);
  if (address !== canonical.address) throw new Error(`${contract} is at ${address}, published at ${canonical.address}`);
  const codeHash = keccak256(await rpc.call<string>('eth_getCode', address, 'latest'));
  if (codeHash !== canonical.codeHash)
    throw new Error(`${contract} has code ${codeHash}, published ${canonical.codeHash}`);
  return address;
}

async function deployTestToken(rpc: EthereumRpc, deployer: string, factory: string): Promise<string> {
  const { bytecode } = readPackaged('@openzeppelin/contracts/build/contracts/ERC20PresetFixedSupply.json') as Artifact;
  const parameters = AbiCoder.defaultAbiCoder().encode(
    ['string', 'string', 'uint256', 'address'],
    ['Test Dollar', 'TUSD', TOKEN_SUPPLY_UNITS, deployer],
  );
  return deployByFactory(rpc, deployer, factory, concat([bytecode, parameters]));
}

/**
 * EIP-1014 with a zero salt, through the factory: the address follows from the code, so that a second run finds it.
 * @returns the contract's address
 */
async function deployByFactory(rpc: EthereumRpc, from: string, factory: string, initCode: string): Promise<string> {
  const address = getCreate2Address(factory, ZeroHash, keccak256(initCode));
  if (!(await hasCode(rpc, address))) await rpc.send({ from, to: factory, data: concat([ZeroHash, initCode]) });
  if (!(await hasCode(rpc, address))) throw new Error(`nothing was deployed at ${address}`);
  return address;
}

async function hasCode(rpc: EthereumRpc, address: string): Promise<boolean> {
  return (await rpc.call<string>('eth_getCode', address, 'latest')) !== '0x';
}

function readPackaged(path: string): unknown {
  return JSON.parse(readFileSync(join(projectFolder, 'node_modules', path), 'utf8'));
}
