import {
  decodeExecTransaction,
  decodeSafeDeployment,
  decodeSafeLog,
  isSameAddress,
  type SafeContracts,
  type SafeLog,
} from '@bulkhead/ethereum';
import { erc20Asset, etherAsset, OWNER_SWAP, tokenOfAsset, type AssetId, type EthereumChainId } from '@bulkhead/intent';
import { gasGiftReceived, gasSpent, gasSpentForClient } from '@bulkhead/ledger';
import type { EthereumBlock, MinedTransaction } from '../../chains/ethereum-client.js';
import {
  isWalletAddress,
  noChanges,
  type BlockChanges,
  type BlockLookups,
  type ChangeList,
  type KnownTransfer,
  type SafeExecution,
  type WalletAddress,
} from './block-changes.js';
import { takeIn } from './inflow.js';
import { bookPayment, bookUnexplained, reportUnexplained } from './outflow.js';

export interface EthereumLookups extends BlockLookups {
  readonly chain: EthereumChainId;
  readonly contracts: SafeContracts;
  /** Whether a token contract (any case) is of a listed asset. */
  isListed(token: string): boolean;
  /** A transfer by the hash that the Safe's owners signed. */
  transfer(safeTxHash: string): KnownTransfer | undefined;
}

/** Value that a transaction visibly moves. */
interface Flow {
  readonly asset: AssetId;
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
  readonly position: string;
}

interface PlacedLog {
  readonly log: SafeLog;
  readonly index: number;
}

/** What a block does to the Safes and gas payers under management. Pure: all it needs to know is in `lookups`. */
export function readEthereumBlock(block: EthereumBlock, lookups: EthereumLookups): BlockChanges {
  const changes = noChanges({ chain: lookups.chain, height: block.number, hash: block.hash });
  for (const transaction of block.transactions) new TransactionReader(changes, lookups, transaction).read();
  return changes;
}

/** Addresses and Safe transaction hashes that a block speaks of: what its lookups must cover. */
export function mentionedInEthereumBlock(
  block: EthereumBlock,
  contracts: SafeContracts,
): { addresses: Set<string>; safeTxHashes: Set<string> } {
  const addresses = new Set<string>();
  const safeTxHashes = new Set<string>();
  for (const { from, to, input, receipt } of block.transactions) {
    addresses.add(from);
    if (to !== null) addresses.add(to);
    const deployment = decodeSafeDeployment(input, contracts);
    if (deployment) addresses.add(deployment.safe);
    for (const log of receipt.logs.map(decodeSafeLog)) {
      if (log?.kind === 'token-transfer') addresses.add(log.from).add(log.to);
      if (log?.kind === 'ether-received') addresses.add(log.safe).add(log.from);
      if (log?.kind === 'execution') {
        addresses.add(log.safe);
        safeTxHashes.add(log.safeTxHash);
      }
    }
  }
  return { addresses, safeTxHashes };
}

class TransactionReader {
  private readonly ether: AssetId;
  private readonly logs: readonly PlacedLog[];

  constructor(
    private readonly changes: ChangeList,
    private readonly lookups: EthereumLookups,
    private readonly mined: MinedTransaction,
  ) {
    this.ether = etherAsset(lookups.chain);
    this.logs = mined.receipt.logs.flatMap((raw) => {
      const log = decodeSafeLog(raw);
      return log ? [{ log, index: raw.logIndex }] : [];
    });
  }

  read(): void {
    const gas = this.readGas();
    const flows = this.flows();
    const executions = this.readExecutions(flows);
    const touching = flows.filter(({ from, to }) => this.wallet(from) !== undefined || this.wallet(to) !== undefined);
    const touches = executions.length > 0 || touching.length > 0 || gas !== undefined || this.callsWallet();
    if (!touches) return;
    this.changes.outcomes.push({
      transaction: this.mined.hash,
      succeeded: this.mined.receipt.status && executions.every(({ succeeded }) => succeeded),
      fee: gas,
    });
    this.changes.executions.push(...executions);
    for (const flow of touching) this.readFlow(flow);
  }

  /** Movements that can be seen: the value of the call, ether that a Safe reports, and transfers of listed tokens. */
  private flows(): Flow[] {
    const { from, to, value, input, receipt } = this.mined;
    const flows: Flow[] = [];
    if (!receipt.status) return flows;
    if (to !== null) flows.push({ asset: this.ether, from, to, amount: value, position: 'value' });
    // A Safe also reports what the transaction itself brought, when nothing but ether was sent.
    let reported = to !== null && input === '0x' && value > 0n;
    for (const { log, index } of this.logs) {
      const position = `log:${String(index)}`;
      if (log.kind === 'token-transfer' && this.lookups.isListed(log.token)) {
        const asset = erc20Asset(this.lookups.chain, log.token);
        flows.push({ asset, from: log.from, to: log.to, amount: log.amount, position });
      }
      if (log.kind !== 'ether-received' || this.wallet(log.safe)?.kind !== 'safe') continue;
      const isTheValue = reported && log.safe === to && log.from === from && log.amount === value;
      if (isTheValue) reported = false;
      else flows.push({ asset: this.ether, from: log.from, to: log.safe, amount: log.amount, position });
    }
    // Anybody can make a token report a transfer of nothing from anybody.
    return flows.filter(({ amount }) => amount > 0n);
  }

  /** What Safes of ours executed; the flows that are booked with it are taken out of `flows`. */
  private readExecutions(flows: Flow[]): SafeExecution[] {
    return this.logs.flatMap(({ log }) => {
      const safe = log.kind === 'execution' ? this.wallet(log.safe) : undefined;
      if (log.kind !== 'execution' || safe?.kind !== 'safe') return [];
      const { safeTxHash } = log;
      const transfer = this.lookups.transfer(safeTxHash);
      let succeeded = log.success;
      if (transfer?.wallet !== safe.wallet) this.readUnknownExecution(safe, safeTxHash, succeeded, flows);
      else succeeded &&= this.readTransfer(transfer, safe, safeTxHash, flows);
      return [{ transaction: this.mined.hash, safeTxHash, succeeded }];
    });
  }

  /** @returns false when a token said nothing of the transfer: it can fail without failing the call (EIP-20 `false`) */
  private readTransfer(transfer: KnownTransfer, safe: WalletAddress, safeTxHash: string, flows: Flow[]): boolean {
    if (transfer.purpose === OWNER_SWAP) return true; // it moves nothing
    const seen = flows.findIndex(
      ({ asset, from, to, amount }) =>
        asset === transfer.asset &&
        amount === transfer.amount &&
        isSameAddress(from, safe.address) &&
        isSameAddress(to, transfer.payee),
    );
    if (seen === -1 && tokenOfAsset(transfer.asset) !== undefined) return false;
    const [flow] = seen === -1 ? [] : flows.splice(seen, 1);
    const booked = bookPayment(this.changes, {
      transfer,
      transaction: this.mined.hash,
      position: safeTxHash,
      amount: transfer.amount,
      fee: { asset: this.ether, amount: 0n }, // the gas payer's
      receiver: this.lookups.watched(transfer.payee),
    });
    if (booked) return true;
    const to = this.wallet(transfer.payee);
    if (to) this.takeIn(to, { ...transfer, from: safe.address, position: flow?.position ?? safeTxHash });
    return true;
  }

  /**
   * Nobody here asked for this execution. Tokens that it moves are seen in their logs; ether that it sends is seen only
   * where it is the outermost call, and else by reconciliation.
   */
  private readUnknownExecution(safe: WalletAddress, safeTxHash: string, success: boolean, flows: Flow[]): void {
    reportUnexplained(this.changes, safe, this.mined.hash, { safeTxHash, success: String(success) });
    const { to, input } = this.mined;
    const outermost = to !== null && isSameAddress(to, safe.address) ? decodeExecTransaction(input) : undefined;
    if (!success || outermost?.call.operation !== 0) return;
    const amount = BigInt(outermost.call.value);
    const sent = { asset: this.ether, from: safe.address, to: outermost.call.to, amount };
    const isSeen = flows.some(
      (flow) => flow.asset === sent.asset && flow.amount === amount && flow.from === sent.from && flow.to === sent.to,
    );
    if (amount > 0n && !isSeen) flows.push({ ...sent, position: safeTxHash });
  }

  private readFlow(flow: Flow): void {
    const from = this.wallet(flow.from);
    if (from) bookUnexplained(this.changes, { from, transaction: this.mined.hash, ...withoutEnds(flow) });
    const to = this.wallet(flow.to);
    if (to) this.takeIn(to, flow);
  }

  private takeIn(to: WalletAddress, flow: Pick<Flow, 'asset' | 'amount' | 'from' | 'position'>): void {
    takeIn(this.changes, this.lookups, {
      to,
      asset: flow.asset,
      amount: flow.amount,
      sources: [flow.from],
      transaction: this.mined.hash,
      position: flow.position,
    });
  }

  /** Gas that a gas payer of the house burnt: a gift to the client whose Safe it was for (invariant 8). */
  private readGas(): bigint | undefined {
    const payer = this.wallet(this.mined.from);
    if (payer?.kind !== 'gas-payer') return undefined;
    const { gasUsed, effectiveGasPrice, status } = this.mined.receipt;
    const amount = gasUsed * effectiveGasPrice;
    if (amount === 0n) return amount;
    const gas = { at: this.changes.at, transaction: this.mined.hash, position: 'gas', asset: this.ether, amount };
    const paid = { ...gas, house: payer.owner, gasPayer: payer.wallet };
    const beneficiary = status ? this.beneficiary() : undefined;
    if (beneficiary?.estate === 'CLIENT') {
      this.changes.entries.push(gasSpentForClient(paid), gasGiftReceived({ ...gas, client: beneficiary.owner }));
    } else {
      this.changes.entries.push(gasSpent(paid));
    }
    return amount;
  }

  /** Whose Safe the gas payer called or deployed. */
  private beneficiary(): WalletAddress | undefined {
    const { to, input } = this.mined;
    const called = to === null ? undefined : this.wallet(to);
    if (called) return called;
    const deployment = decodeSafeDeployment(input, this.lookups.contracts);
    return deployment && this.wallet(deployment.safe);
  }

  private callsWallet(): boolean {
    return this.mined.to !== null && this.wallet(this.mined.to) !== undefined;
  }

  private wallet(address: string): WalletAddress | undefined {
    const watched = this.lookups.watched(address);
    return isWalletAddress(watched) ? watched : undefined;
  }
}

const withoutEnds = ({ asset, amount, position }: Flow): Pick<Flow, 'asset' | 'amount' | 'position'> => ({
  asset,
  amount,
  position,
});
