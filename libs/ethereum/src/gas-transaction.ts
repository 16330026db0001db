import {
  accepted,
  evmChainNumber,
  isDecimalAmount,
  isEthereumChain,
  type EthereumChainId,
  type Result,
} from '@bulkhead/intent';
import { MaxUint256 } from 'ethers/constants';
import { keccak256 } from 'ethers/crypto';
import { Transaction } from 'ethers/transaction';
import { getBytes } from 'ethers/utils';
import { z } from 'zod';
import { checksummedAddressSchema } from './contracts.js';
import { recoverableSignature } from './signatures.js';

const MAX_UINT64 = (1n << 64n) - 1n;
const uintSchema = (most: bigint) =>
  z.string().refine((text) => isDecimalAmount(text) && BigInt(text) <= most, {
    error: 'not a decimal integer in range',
    abort: true, // what is compared below must be a number
  });

/**
 * A transaction of the house's gas payer (EIP-1559, type 2, empty access list). It never carries ether, so it has no
 * value field. Integers are decimal strings: gas, wei per gas.
 */
export const gasTransactionSchema = z
  .strictObject({
    chain: z.custom<EthereumChainId>(
      (value) => typeof value === 'string' && isEthereumChain(value),
      'not an EVM chain',
    ),
    from: checksummedAddressSchema,
    nonce: uintSchema(BigInt(Number.MAX_SAFE_INTEGER)),
    to: checksummedAddressSchema,
    data: z
      .string()
      .regex(/^0x([0-9a-f]{2})+$/)
      .max(250_000),
    gasLimit: uintSchema(MAX_UINT64),
    maxFeePerGas: uintSchema(MaxUint256),
    maxPriorityFeePerGas: uintSchema(MaxUint256),
  })
  .refine(
    (tx) => BigInt(tx.maxPriorityFeePerGas) <= BigInt(tx.maxFeePerGas),
    'maxPriorityFeePerGas is more than maxFeePerGas',
  );
export type GasTransaction = z.infer<typeof gasTransactionSchema>;

const unsigned = (tx: GasTransaction): Transaction =>
  Transaction.from({
    type: 2,
    chainId: evmChainNumber(tx.chain),
    nonce: Number(tx.nonce),
    to: tx.to,
    value: 0n,
    data: tx.data,
    gasLimit: BigInt(tx.gasLimit),
    maxFeePerGas: BigInt(tx.maxFeePerGas),
    maxPriorityFeePerGas: BigInt(tx.maxPriorityFeePerGas),
    accessList: [],
  });

/** The most that a gas transaction can take from its payer, in wei: gas limit times fee cap (EIP-1559). */
export const gasMaxCostWei = (tx: GasTransaction): bigint => BigInt(tx.gasLimit) * BigInt(tx.maxFeePerGas);

/** The 32 bytes that the payer signs: keccak256(0x02 || rlp(fields)), EIP-1559. */
export const gasTransactionDigest = (tx: GasTransaction): Uint8Array => getBytes(unsigned(tx).unsignedHash);

/** The transaction as a node takes it, and its hash. `sig64`: raw r || s, low s, by the key of `tx.from`. */
export function serialiseGasTransaction(tx: GasTransaction, sig64: Uint8Array): Result<{ raw: string; hash: string }> {
  const transaction = unsigned(tx);
  const signature = recoverableSignature(transaction.unsignedHash, sig64, tx.from);
  if (!signature.ok) return signature;
  transaction.signature = signature.value;
  return accepted({ raw: transaction.serialized, hash: keccak256(transaction.serialized) });
}
