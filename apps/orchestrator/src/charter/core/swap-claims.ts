import { Inject, Injectable } from '@nestjs/common';
import {
  ownerSets,
  permittedSwap,
  safeContractsOf,
  type Act,
  type CharterState,
  type SafeWallet,
} from '@bulkhead/charter';
import { decodeOwnerSwap, safeTxHash } from '@bulkhead/ethereum';
import { accepted, isEthereumChain, OWNER_SWAP, refused, type Payload, type Result } from '@bulkhead/intent';
import { DataSource } from 'typeorm';
import { SafeGateway } from '../../chains/safe-gateway.js';
import { CONFIG, type Config } from '../../config.js';

/** What the act that ends a key's replacement says of the chain. */
export type SwapEvidence = Pick<Extract<Act, { kind: 'wallet.key-replaced' }>, 'nonce' | 'safeTxHash' | 'transaction'>;

interface ExecutionRow {
  readonly tx_id: string;
  readonly succeeded: boolean;
  readonly confirmations: number;
}

/** Whether the chain has executed an owner swap: signers have no node, so that members who approve rely on this one. */
@Injectable()
export class SwapClaims {
  constructor(
    private readonly database: DataSource,
    private readonly safes: SafeGateway,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Accepted when there is nothing to ask: only `wallet.key-replaced` speaks of the chain. */
  async check(state: CharterState, act: Act): Promise<Result<true>> {
    const wallet = act.kind === 'wallet.key-replaced' ? state.wallets.get(act.wallet) : undefined;
    if (act.kind !== 'wallet.key-replaced' || wallet?.kind !== 'safe') return accepted(true);
    const executed = await this.execution(wallet, act.safeTxHash);
    if (executed?.tx_id !== act.transaction || !executed.succeeded) {
      return refused('ethereum.safe-state', 'The Safe has not executed this swap, as far as the chain was followed.', {
        wallet: wallet.id,
        safeTxHash: act.safeTxHash,
      });
    }
    const required = this.config.chains.ethereum.confirmations;
    if (executed.confirmations < required) {
      return refused('ethereum.safe-state', 'The swap lacks confirmations: record it later.', {
        wallet: wallet.id,
        confirmations: String(executed.confirmations),
        required: String(required),
      });
    }
    const found = await this.safes.checkState(wallet, safeContractsOf(state), ownerSets(state, wallet));
    if (!found.ok) return found;
    return found.value.swapped
      ? accepted(true)
      : refused('ethereum.safe-state', 'The Safe’s owners are still those of before the swap.', { wallet: wallet.id });
  }

  /** The swap that the charter permits, if a transfer of ours has had it executed. */
  async executed(state: CharterState, wallet: SafeWallet): Promise<SwapEvidence | undefined> {
    const permitted = permittedSwap(state, wallet);
    if (!permitted.ok) return undefined;
    const rows: { payload: Payload; tx_id: string }[] = await this.database.query(
      `select payload, tx_id from transfer
       where wallet = $1 and purpose = $2 and state = 'SETTLED' and tx_id is not null order by created_at desc limit 20`,
      [wallet.id, OWNER_SWAP],
    );
    for (const { payload, tx_id: transaction } of rows) {
      const swap = payload.kind === 'safe-tx' ? decodeOwnerSwap(payload) : undefined;
      if (payload.kind !== 'safe-tx' || !isEthereumChain(payload.chain) || !swap?.ok) continue;
      const { retiring, incoming } = swap.value;
      if (retiring !== permitted.value.retiring || incoming !== permitted.value.incoming) continue;
      const hash = safeTxHash(payload.chain, wallet.address, payload.tx);
      return { nonce: payload.tx.nonce, safeTxHash: hash, transaction };
    }
    return undefined;
  }

  private async execution({ chain }: SafeWallet, hash: string): Promise<ExecutionRow | undefined> {
    const rows: ExecutionRow[] = await this.database.query(
      `select tx_id, succeeded, (select max(height) from block where chain = $1) - height + 1 as confirmations
       from safe_execution where chain = $1 and safe_tx_hash = $2 limit 1`,
      [chain, hash],
    );
    return rows[0];
  }
}
