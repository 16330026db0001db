import { isDecimalAmount, isEthereumChain, type EthereumChainId } from '@bulkhead/intent';
import { Interface } from 'ethers/abi';
import { getCreate2Address } from 'ethers/address';
import { MaxUint256, ZeroAddress } from 'ethers/constants';
import { keccak256 } from 'ethers/crypto';
import { concat, toBeHex, zeroPadValue } from 'ethers/utils';
import { z } from 'zod';
import { isOwnerKey, isSameAddress, isZeroAddress, ownerAddress } from './addresses.js';
import { decodeStrictly } from './calldata.js';
import { type SafeContracts } from './contracts.js';

/** What a Safe is made of. Together with {@link SafeContracts} it decides the Safe's address. */
export const safeSpecSchema = z
  .strictObject({
    chain: z.custom<EthereumChainId>(
      (value) => typeof value === 'string' && isEthereumChain(value),
      'not an EVM chain',
    ),
    /** Compressed secp256k1 points, lower-case hex, in the order of the Safe's owner list. */
    ownerKeys: z.array(z.string().refine(isOwnerKey, 'not a compressed secp256k1 point')).min(1).max(20).readonly(),
    threshold: z.int().min(1),
    /** uint256 as a decimal string. */
    saltNonce: z.string().refine((text) => isDecimalAmount(text) && BigInt(text) <= MaxUint256, 'not a uint256'),
  })
  .refine((spec) => spec.threshold <= spec.ownerKeys.length, 'threshold is more than there are owners')
  .refine((spec) => new Set(spec.ownerKeys).size === spec.ownerKeys.length, 'an owner key stands twice');
export type SafeSpec = z.infer<typeof safeSpecSchema>;

const SETUP = new Interface([
  'function setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver)',
]);
const FACTORY = new Interface([
  'function createProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce) returns (address proxy)',
]);

/** Calldata of `Safe.setup` (1.4.1): these owners, no module, no set-up delegatecall, nothing paid to anybody. */
export const safeSetupData = (spec: SafeSpec, contracts: SafeContracts): string =>
  SETUP.encodeFunctionData('setup', [
    spec.ownerKeys.map(ownerAddress),
    spec.threshold,
    ZeroAddress,
    '0x',
    contracts.fallbackHandler.address,
    ZeroAddress,
    0n,
    ZeroAddress,
  ]);

/** SafeProxyFactory 1.4.1 `deployProxy`: CREATE2 (EIP-1014) with salt keccak256(keccak256(initializer) || saltNonce). */
function proxyAddress(initializer: string, saltNonce: bigint, contracts: SafeContracts): string {
  const salt = keccak256(concat([keccak256(initializer), toBeHex(saltNonce, 32)]));
  const initCode = concat([contracts.proxyCreationCode, zeroPadValue(contracts.singleton.address, 32)]);
  return getCreate2Address(contracts.proxyFactory.address, salt, keccak256(initCode));
}

/** Where this Safe is or will be, EIP-55. Needs no node. */
export const predictSafeAddress = (spec: SafeSpec, contracts: SafeContracts): string =>
  proxyAddress(safeSetupData(spec, contracts), BigInt(spec.saltNonce), contracts);

/** The call that deploys this Safe; anybody may send it, and the Safe comes out the same. */
export const encodeSafeDeployment = (spec: SafeSpec, contracts: SafeContracts): { to: string; data: string } => ({
  to: contracts.proxyFactory.address,
  data: FACTORY.encodeFunctionData('createProxyWithNonce', [
    contracts.singleton.address,
    safeSetupData(spec, contracts),
    BigInt(spec.saltNonce),
  ]),
});

/** A deployment as its calldata says it. */
export interface SafeDeployment {
  /** The address that the Safe will have, EIP-55. */
  readonly safe: string;
  /** Owners, EIP-55, in order. */
  readonly owners: readonly string[];
  readonly threshold: number;
  /** uint256 as a decimal string. */
  readonly saltNonce: string;
}

/** The reverse of {@link encodeSafeDeployment}; undefined for calldata that it could not have made. */
export function decodeSafeDeployment(data: string, contracts: SafeContracts): SafeDeployment | undefined {
  const call = decodeStrictly(FACTORY, 'createProxyWithNonce', data);
  if (call === undefined) return undefined;
  const [singleton, initializer, saltNonce] = call as [string, string, bigint];
  const setup = decodeStrictly(SETUP, 'setup', initializer);
  if (setup === undefined || !isSameAddress(singleton, contracts.singleton.address)) return undefined;
  const [owners, threshold, to, setupCall, handler, paymentToken, payment, paymentReceiver] = setup as [
    string[],
    bigint,
    string,
    string,
    string,
    string,
    bigint,
    string,
  ];
  const runsNothing = isZeroAddress(to) && setupCall === '0x';
  const paysNobody = isZeroAddress(paymentToken) && payment === 0n && isZeroAddress(paymentReceiver);
  if (!runsNothing || !paysNobody || !isSameAddress(handler, contracts.fallbackHandler.address)) return undefined;
  if (threshold < 1n || threshold > BigInt(owners.length)) return undefined;
  return {
    safe: proxyAddress(initializer, saltNonce, contracts),
    owners,
    threshold: Number(threshold),
    saltNonce: saltNonce.toString(),
  };
}
