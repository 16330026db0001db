import { accepted, refused, type EthereumChainId, type Payload, type Result, type SafeTx } from '@bulkhead/intent';
import { Interface } from 'ethers/abi';
import { isSameAddress, parseEthereumAddress } from './addresses.js';
import { decodeStrictly } from './calldata.js';
import { checkSafeFields } from './safe-fields.js';
import { plainCall, safeTxHash } from './safe-transaction.js';

const OWNERS = new Interface(['function swapOwner(address prevOwner, address oldOwner, address newOwner)']);

/** What stands before the first owner of a Safe's list (Safe 1.4.1, OwnerManager: SENTINEL_OWNERS). */
export const SENTINEL_OWNER = '0x0000000000000000000000000000000000000001';

/** One owner of a Safe gives its place to another; the threshold and all else stay. Addresses are EIP-55. */
export interface OwnerSwap {
  /** Who stands before the retiring owner in the Safe's list; {@link SENTINEL_OWNER} before the first. */
  readonly previous: string;
  readonly retiring: string;
  readonly incoming: string;
}

/** All that an owner swap does, read from its bytes alone. */
export interface OwnerSwapFacts extends OwnerSwap {
  readonly chain: EthereumChainId;
  /** EIP-55. */
  readonly safe: string;
  readonly nonce: bigint;
  /** What the owners sign: 0x and 64 lower-case hex digits. */
  readonly safeTxHash: string;
}

/**
 * The swap of one owner as the Safe's list is known to stand.
 *
 * @param owners the Safe's owners, in the order of its list; throws when `retiring` is not among them
 */
export function swapInList(owners: readonly string[], retiring: string, incoming: string): OwnerSwap {
  const place = owners.findIndex((owner) => isSameAddress(owner, retiring));
  if (place === -1) throw new Error(`${retiring} is no owner of this Safe`);
  return { previous: owners[place - 1] ?? SENTINEL_OWNER, retiring, incoming };
}

/** The Safe's call of its own `swapOwner` (Safe 1.4.1, OwnerManager), without any gas refund. */
export const buildOwnerSwap = (safe: string, { previous, retiring, incoming }: OwnerSwap, nonce: bigint): SafeTx =>
  plainCall({
    to: safe,
    value: 0n,
    data: OWNERS.encodeFunctionData('swapOwner', [previous, retiring, incoming]),
    nonce,
  });

/**
 * What a Safe transaction swaps, if it is an owner swap and nothing else: a plain call of the Safe itself, without ether,
 * whose calldata is byte for byte a `swapOwner`. Everything else that a Safe can do to itself stays undecodable.
 */
export function decodeOwnerSwap(payload: Extract<Payload, { kind: 'safe-tx' }>): Result<OwnerSwapFacts> {
  const fields = checkSafeFields(payload);
  if (!fields.ok) return fields;
  const { chain, safe, to } = fields.value;
  const { tx } = payload;
  const values = decodeStrictly(OWNERS, 'swapOwner', tx.data);
  if (values === undefined || !isSameAddress(to, safe) || tx.operation !== 0 || tx.value !== '0') {
    return refused('ethereum.call-undecodable', 'This is no owner swap of the Safe by itself.', {
      to,
      selector: tx.data.slice(0, 10),
    });
  }
  const [previous, retiring, incoming] = values as [string, string, string];
  for (const address of [previous, retiring, incoming]) {
    const parsed = parseEthereumAddress(address);
    if (!parsed.ok) return parsed;
  }
  const hash = safeTxHash(chain, safe, { ...tx, to });
  return accepted({ chain, safe, nonce: BigInt(tx.nonce), safeTxHash: hash, previous, retiring, incoming });
}
