import {
  accepted,
  erc20Asset,
  etherAsset,
  refused,
  type AssetId,
  type EthereumChainId,
  type Payload,
  type Result,
} from '@bulkhead/intent';
import { Interface } from 'ethers/abi';
import { isSameAddress, parseEthereumAddress } from './addresses.js';
import { decodeStrictly } from './calldata.js';
import { type SafeContracts } from './contracts.js';
import { decodeMultiSend, type InnerCall } from './multi-send.js';
import { checkSafeFields } from './safe-fields.js';
import { safeTxHash } from './safe-transaction.js';

/** Value that a transaction moves, or lets another move, out of the Safe. */
export interface SafeSpend {
  readonly asset: AssetId;
  /** Recipient of a transfer, spender of an allowance; EIP-55. */
  readonly to: string;
  /** In the asset's smallest unit. Zero only for an allowance that is taken back. */
  readonly amount: bigint;
  readonly kind: 'TRANSFER' | 'ALLOWANCE';
}

/** All that a Safe transaction does, read from its bytes alone. */
export interface SafeFacts {
  readonly chain: EthereumChainId;
  /** EIP-55. */
  readonly safe: string;
  readonly nonce: bigint;
  /** What the owners sign: 0x and 64 lower-case hex digits. */
  readonly safeTxHash: string;
  readonly spends: readonly SafeSpend[];
  /** What the Safe calls, one for each of the spends: of a batch its inner calls, and not the batch itself. */
  readonly calls: readonly InnerCall[];
}

export interface SafeContext {
  readonly contracts: SafeContracts;
  /** Token contracts that may be called, 0x and lower case. */
  readonly tokens: ReadonlySet<string>;
}

type SafePayload = Extract<Payload, { kind: 'safe-tx' }>;

/** The account whose transaction is being read, and what it may call. */
interface Scope extends SafeContext {
  readonly chain: EthereumChainId;
  readonly safe: string;
}

const ERC20 = new Interface([
  'function transfer(address to, uint256 amount)',
  'function transferFrom(address from, address to, uint256 amount)',
  'function approve(address spender, uint256 amount)',
  'function increaseAllowance(address spender, uint256 addedValue)',
]);

/**
 * What a Safe transaction does, decided on its bytes only. Whatever cannot be decoded completely is refused: a call of
 * the Safe on itself (owners, modules, guard), a delegatecall to anything but the pinned MultiSendCallOnly, a gas
 * refund, a contract that is no known token, calldata that is not the canonical encoding of a known token call.
 */
export function decodeSafeTx(payload: SafePayload, context: SafeContext): Result<SafeFacts> {
  const fields = checkSafeFields(payload);
  if (!fields.ok) return fields;
  const { chain, safe, to } = fields.value;
  const { tx } = payload;
  const scope: Scope = { ...context, chain, safe };
  const call: InnerCall = { to, value: BigInt(tx.value), data: tx.data };
  const calls = tx.operation === 0 ? accepted([call]) : batchedCalls(call, scope);
  if (!calls.ok) return calls;
  const spends: SafeSpend[] = [];
  for (const each of calls.value) {
    const spend = decodeCall(each, scope);
    if (!spend.ok) return spend;
    spends.push(spend.value);
  }
  return accepted({
    chain,
    safe,
    nonce: BigInt(tx.nonce),
    safeTxHash: safeTxHash(chain, safe, { ...tx, to }),
    spends,
    calls: calls.value,
  });
}

function batchedCalls(call: InnerCall, scope: Scope): Result<readonly InnerCall[]> {
  if (isSameAddress(call.to, scope.safe)) return callsItself(scope);
  if (!isSameAddress(call.to, scope.contracts.multiSendCallOnly.address)) {
    return refused(
      'ethereum.delegatecall-unknown',
      'A Safe may delegatecall nothing but the pinned MultiSendCallOnly.',
      {
        to: call.to,
      },
    );
  }
  const inner = call.value === 0n ? decodeMultiSend(call.data) : undefined;
  if (inner === undefined) {
    return refused('ethereum.call-undecodable', 'The batch is not a canonical multiSend of plain calls.', {
      to: call.to,
    });
  }
  return accepted(inner);
}

const callsItself = (scope: Scope): Result<never> =>
  refused('ethereum.calls-itself', 'A Safe that calls itself changes its own owners, modules or guard.', {
    safe: scope.safe,
  });

function decodeCall(call: InnerCall, scope: Scope): Result<SafeSpend> {
  const to = parseEthereumAddress(call.to);
  if (!to.ok) return to;
  if (isSameAddress(to.value, scope.safe)) return callsItself(scope);
  if (call.data === '0x') {
    if (call.value === 0n) return undecodable(call, 'The call moves nothing.');
    return accepted({ asset: etherAsset(scope.chain), to: to.value, amount: call.value, kind: 'TRANSFER' });
  }
  if (!scope.tokens.has(to.value.toLowerCase())) {
    return refused('ethereum.contract-unknown', 'Only known token contracts may be called with data.', {
      to: to.value,
    });
  }
  if (call.value !== 0n) return undecodable(call, 'A token call carries no ether.');
  return decodeTokenCall(call, scope);
}

function decodeTokenCall(call: InnerCall, scope: Scope): Result<SafeSpend> {
  const fragment = ERC20.getFunction(call.data.slice(0, 10));
  const values = fragment === null ? undefined : decodeStrictly(ERC20, fragment.name, call.data);
  if (fragment === null || values === undefined) return undecodable(call, 'This is no token call that can be read.');
  let args = values;
  if (fragment.name === 'transferFrom') {
    if (!isSameAddress(values[0] as string, scope.safe))
      return undecodable(call, "The Safe moves nobody else's tokens.");
    args = values.slice(1);
  }
  const [recipient, amount] = args as readonly [string, bigint];
  const to = parseEthereumAddress(recipient);
  if (!to.ok) return to;
  const kind = fragment.name.startsWith('transfer') ? 'TRANSFER' : 'ALLOWANCE';
  if (kind === 'TRANSFER' && amount === 0n) return undecodable(call, 'The call moves nothing.');
  return accepted({ asset: erc20Asset(scope.chain, call.to), to: to.value, amount, kind });
}

const undecodable = (call: InnerCall, detail: string): Result<never> =>
  refused('ethereum.call-undecodable', detail, { to: call.to, selector: call.data.slice(0, 10) });
