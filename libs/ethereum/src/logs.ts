import { Interface, type LogDescription } from 'ethers/abi';
import { getAddress } from 'ethers/address';

/** The parts of an `eth_getLogs` entry that decide what it says. */
export interface EthereumLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
}

/** What a follower reads from logs. Addresses are EIP-55; amounts in the smallest unit. */
export type SafeLog =
  | { readonly kind: 'ether-received'; readonly safe: string; readonly from: string; readonly amount: bigint }
  | { readonly kind: 'execution'; readonly safe: string; readonly safeTxHash: string; readonly success: boolean }
  | {
      readonly kind: 'token-transfer';
      readonly token: string;
      readonly from: string;
      readonly to: string;
      readonly amount: bigint;
    };

/** Safe 1.4.1 (the hash is indexed, in 1.3.0 it was not) and EIP-20. */
const EVENTS = new Interface([
  'event SafeReceived(address indexed sender, uint256 value)',
  'event ExecutionSuccess(bytes32 indexed txHash, uint256 payment)',
  'event ExecutionFailure(bytes32 indexed txHash, uint256 payment)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
]);
const topicOf = (name: string): string => {
  const event = EVENTS.getEvent(name);
  if (event === null) throw new Error(`no event ${name}`);
  return event.topicHash;
};

/** topic0 of each event, for a log filter. */
export const LOG_TOPICS = {
  safeReceived: topicOf('SafeReceived'),
  executionSuccess: topicOf('ExecutionSuccess'),
  executionFailure: topicOf('ExecutionFailure'),
  tokenTransfer: topicOf('Transfer'),
} as const;

/**
 * What a log says, or undefined for one of no interest: another event, or one of the same name in another shape (an
 * ERC-721 Transfer has the same topic0 and a fourth topic). Who emitted it is for the caller to judge: any contract can
 * emit anything.
 */
export function decodeSafeLog(log: EthereumLog): SafeLog | undefined {
  const event = parse(log);
  if (event === undefined) return undefined;
  const emitter = getAddress(log.address.toLowerCase());
  const address = (name: string): string => event.args.getValue(name) as string;
  const amount = (): bigint => event.args.getValue('value') as bigint;
  switch (event.name) {
    case 'SafeReceived':
      return { kind: 'ether-received', safe: emitter, from: address('sender'), amount: amount() };
    case 'Transfer':
      return { kind: 'token-transfer', token: emitter, from: address('from'), to: address('to'), amount: amount() };
    default: {
      const safeTxHash = event.args.getValue('txHash') as string;
      return { kind: 'execution', safe: emitter, safeTxHash, success: event.name === 'ExecutionSuccess' };
    }
  }
}

function parse(log: EthereumLog): LogDescription | undefined {
  try {
    const event = EVENTS.parseLog(log);
    if (event === null || !/^0x[0-9a-fA-F]{40}$/.test(log.address)) return undefined;
    const { data, topics } = EVENTS.encodeEventLog(event.fragment, event.args.toArray());
    const isCanonical = data === log.data && topics.length === log.topics.length;
    return isCanonical && topics.every((topic, i) => topic === log.topics[i]) ? event : undefined;
  } catch {
    return undefined; // the parser throws on topics or data of another shape
  }
}
