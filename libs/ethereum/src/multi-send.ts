import { Interface } from 'ethers/abi';
import { getAddress } from 'ethers/address';
import { dataLength } from 'ethers/utils';
import { decodeStrictly } from './calldata.js';

/** A plain call: `value` in wei, `data` as lower-case 0x hex. */
export interface InnerCall {
  readonly to: string;
  readonly value: bigint;
  readonly data: string;
}

const MULTI_SEND = new Interface(['function multiSend(bytes transactions) payable']);

/** operation (1), to (20), value (32), data length (32) */
const HEADER_BYTES = 85;

/**
 * The calls of `MultiSendCallOnly.multiSend` (1.4.1): packed entries `operation || to || value || length || data`.
 * Undefined unless every byte belongs to an entry, every operation is 0 (call), and there is at least one.
 */
export function decodeMultiSend(data: string): readonly InnerCall[] | undefined {
  const [packed] = (decodeStrictly(MULTI_SEND, 'multiSend', data) ?? []) as readonly string[];
  if (packed === undefined) return undefined;
  const calls: InnerCall[] = [];
  const size = dataLength(packed);
  const hex = (from: number, to: number): string => packed.slice(2 + 2 * from, 2 + 2 * to);
  for (let at = 0; at < size;) {
    const body = at + HEADER_BYTES;
    if (body > size || hex(at, at + 1) !== '00') return undefined;
    const length = BigInt(`0x${hex(at + 53, body)}`);
    if (length > BigInt(size - body)) return undefined;
    const end = body + Number(length);
    calls.push({
      to: getAddress(`0x${hex(at + 1, at + 21)}`),
      value: BigInt(`0x${hex(at + 21, at + 53)}`),
      data: `0x${hex(body, end)}`,
    });
    at = end;
  }
  return calls.length > 0 ? calls : undefined;
}
