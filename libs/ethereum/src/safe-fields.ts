import {
  accepted,
  isDecimalAmount,
  isEthereumChain,
  refused,
  type EthereumChainId,
  type Payload,
  type Result,
} from '@bulkhead/intent';
import { MaxUint256 } from 'ethers/constants';
import { isZeroAddress, parseEthereumAddress } from './addresses.js';

/** The account and what it calls, EIP-55, of a transaction whose fields are well formed. */
export interface SafeFields {
  readonly chain: EthereumChainId;
  readonly safe: string;
  readonly to: string;
}

/** What holds of every Safe transaction of ours, whatever it does: sound numbers and addresses, and no gas refund. */
export function checkSafeFields({
  tx,
  chain,
  safe: account,
}: Extract<Payload, { kind: 'safe-tx' }>): Result<SafeFields> {
  if (!isEthereumChain(chain))
    return refused('ethereum.transaction-malformed', 'A Safe lives on an EVM chain.', { chain });
  const safe = parseEthereumAddress(account);
  if (!safe.ok) return safe;
  const to = parseEthereumAddress(tx.to);
  if (!to.ok) return to;
  for (const field of ['value', 'safeTxGas', 'baseGas', 'gasPrice', 'nonce'] as const) {
    if (!isDecimalAmount(tx[field]) || BigInt(tx[field]) > MaxUint256) {
      return refused('ethereum.transaction-malformed', 'An integer must be a uint256 in decimal digits.', { field });
    }
  }
  if (!/^0x([0-9a-f]{2})*$/.test(tx.data)) {
    return refused('ethereum.transaction-malformed', 'Calldata must be lower-case hex.', { field: 'data' });
  }
  for (const field of ['safeTxGas', 'baseGas', 'gasPrice'] as const) {
    if (tx[field] !== '0') return refundRefused(field, tx[field]);
  }
  for (const field of ['gasToken', 'refundReceiver'] as const) {
    if (!isZeroAddress(tx[field])) return refundRefused(field, tx[field]);
  }
  return accepted({ chain, safe: safe.value, to: to.value });
}

const refundRefused = (field: string, value: string): Result<never> =>
  refused('ethereum.refund-not-zero', 'A Safe of ours never refunds gas: the house pays it.', { field, value });
