import { evmChainNumber, tokenOfAsset, type AssetId, type EthereumChainId, type SafeTx } from '@bulkhead/intent';
import { Interface } from 'ethers/abi';
import { getAddress } from 'ethers/address';
import { ZeroAddress } from 'ethers/constants';
import { TypedDataEncoder } from 'ethers/hash';
import { decodeStrictly } from './calldata.js';
import { isCanonicalSignature } from './signatures.js';

/** `SafeTx` of Safe 1.4.1 (SAFE_TX_TYPEHASH), as EIP-712 wants it. */
const SAFE_TX_TYPES = {
  SafeTx: [
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'data', type: 'bytes' },
    { name: 'operation', type: 'uint8' },
    { name: 'safeTxGas', type: 'uint256' },
    { name: 'baseGas', type: 'uint256' },
    { name: 'gasPrice', type: 'uint256' },
    { name: 'gasToken', type: 'address' },
    { name: 'refundReceiver', type: 'address' },
    { name: 'nonce', type: 'uint256' },
  ],
};
const TOKEN = new Interface(['function transfer(address to, uint256 amount) returns (bool)']);
const SAFE = new Interface([
  'function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) payable returns (bool success)',
]);

/**
 * The hash that a Safe's owners sign (EIP-712; the domain of Safe 1.4.1 is chain id and the Safe's address), 0x and 64
 * lower-case hex digits. For a transaction that {@link decodeSafeTx} accepts; throws on fields that are no integers.
 */
export const safeTxHash = (chain: EthereumChainId, safe: string, tx: SafeTx): string =>
  TypedDataEncoder.hash({ chainId: evmChainNumber(chain), verifyingContract: safe }, SAFE_TX_TYPES, tx);

/** 65 bytes, or what is left of them at the end. */
const EACH_SIGNATURE = /.{1,130}/g;

/** Calldata of ERC-20 `transfer`. `amount`: in the token's smallest unit. */
export const encodeErc20Transfer = (to: string, amount: bigint): string =>
  TOKEN.encodeFunctionData('transfer', [to, amount]);

/** A plain call out of a Safe, without any gas refund. `to` is EIP-55; `nonce` the Safe's own. */
export const plainCall = (call: { to: string; value: bigint; data: string; nonce: bigint }): SafeTx => ({
  to: call.to,
  value: call.value.toString(),
  data: call.data,
  operation: 0,
  safeTxGas: '0',
  baseGas: '0',
  gasPrice: '0',
  gasToken: ZeroAddress,
  refundReceiver: ZeroAddress,
  nonce: call.nonce.toString(),
});

/** One payment of ether or of a token out of a Safe. `to` is EIP-55; `nonce` the Safe's own. */
export function buildSafeTransfer(transfer: { asset: AssetId; to: string; amount: bigint; nonce: bigint }): SafeTx {
  const { asset, to, amount, nonce } = transfer;
  const token = tokenOfAsset(asset);
  return token === undefined
    ? plainCall({ to, value: amount, data: '0x', nonce })
    : plainCall({ to: getAddress(token), value: 0n, data: encodeErc20Transfer(to, amount), nonce });
}

/** A Safe's owner and its signature, 65 bytes of hex as {@link recoverableSignature} gives them. */
export interface OwnerSignature {
  readonly owner: string;
  readonly signature: string;
}

/** Calldata of `execTransaction`. The Safe wants signatures in ascending order of their owners' addresses (GS026). */
export function encodeExecTransaction(tx: SafeTx, signatures: readonly OwnerSignature[]): string {
  const ordered = signatures.toSorted((a, b) => (a.owner.toLowerCase() < b.owner.toLowerCase() ? -1 : 1));
  const packed = `0x${ordered.map(({ signature }) => signature.slice(2)).join('')}`;
  return SAFE.encodeFunctionData('execTransaction', [
    tx.to,
    tx.value,
    tx.data,
    tx.operation,
    tx.safeTxGas,
    tx.baseGas,
    tx.gasPrice,
    tx.gasToken,
    tx.refundReceiver,
    packed,
  ]);
}

/** A Safe's transaction as `execTransaction` carries it: the nonce is the Safe's own and not among its arguments. */
export type ExecutedCall = Omit<SafeTx, 'nonce'>;

/** A decoded `execTransaction`: its signatures one by one, in the order they stand. */
export interface Execution {
  readonly call: ExecutedCall;
  readonly signatures: readonly string[];
}

/** The reverse of {@link encodeExecTransaction}; undefined for calldata that it could not have made. */
export function decodeExecTransaction(data: string): Execution | undefined {
  const values = decodeStrictly(SAFE, 'execTransaction', data);
  if (values === undefined) return undefined;
  const [to, value, inner, operation, safeTxGas, baseGas, gasPrice, gasToken, refundReceiver, packed] = values as [
    string,
    bigint,
    string,
    bigint,
    bigint,
    bigint,
    bigint,
    string,
    string,
    string,
  ];
  const signatures = (packed.slice(2).match(EACH_SIGNATURE) ?? []).map((hex) => `0x${hex}`);
  if (signatures.length === 0 || !signatures.every(isCanonicalSignature) || operation > 1n) return undefined;
  const call: ExecutedCall = {
    to,
    value: value.toString(),
    data: inner,
    operation: operation === 0n ? 0 : 1,
    safeTxGas: safeTxGas.toString(),
    baseGas: baseGas.toString(),
    gasPrice: gasPrice.toString(),
    gasToken,
    refundReceiver,
  };
  return { call, signatures };
}
