import { Injectable } from '@nestjs/common';
import { depositCredited, type BlockRef } from '@bulkhead/ledger';
import type { EntityManager } from 'typeorm';
import { IncidentsService } from '../../incidents/core/incidents.service.js';
import { LedgerService } from '../../ledger/core/ledger.service.js';
import { WalletFreezer } from '../../ledger/core/wallet-freezer.js';
import { ChainTransactionRow, CoinRow, DepositRow, SafeExecutionRow } from '../persistence/entities.js';
import type { BlockChanges } from './block-changes.js';

const INSERT_CHUNK = 500;

/** Writes what a block changes, and takes a block back. Always in the transaction that moves the cursor. */
@Injectable()
export class RegisterWriter {
  constructor(
    private readonly ledger: LedgerService,
    private readonly freezer: WalletFreezer,
    private readonly incidents: IncidentsService,
  ) {}

  async apply(manager: EntityManager, at: BlockRef, changes: BlockChanges): Promise<void> {
    const place = { chain: at.chain, blockHash: at.hash, height: at.height };
    const transactions = changes.outcomes.map(({ transaction, succeeded, fee }) => ({
      ...place,
      txId: transaction,
      succeeded,
      fee: fee?.toString() ?? null,
    }));
    const executions = changes.executions.map(({ transaction, safeTxHash, succeeded }) => ({
      ...place,
      txId: transaction,
      safeTxHash,
      succeeded,
    }));
    const coins = changes.newCoins.map(({ amountSat, index, ...coin }) => ({
      ...place,
      ...coin,
      idx: index,
      amount: amountSat.toString(),
    }));
    const deposits = changes.deposits.map(({ transaction, amount, sources, ...deposit }) => ({
      ...place,
      ...deposit,
      txId: transaction,
      amount: amount.toString(),
      sources: [...sources],
    }));
    for (const rows of chunks(transactions)) await manager.insert(ChainTransactionRow, rows);
    for (const rows of chunks(executions)) await manager.insert(SafeExecutionRow, rows);
    for (const rows of chunks(coins)) await manager.insert(CoinRow, rows);
    for (const rows of chunks(deposits)) await manager.insert(DepositRow, rows);
    for (const { txid, vout, spentBy } of changes.spentCoins) {
      const spent = { spentBy, spentBlock: at.hash, spentHeight: at.height };
      await manager.update(CoinRow, { chain: at.chain, txid, vout }, spent);
    }
    for (const entry of changes.entries) await this.ledger.post(manager, entry);
    for (const report of changes.incidents) {
      const incident = await this.incidents.open(manager, report);
      if (report.kind === 'spend.unexplained') {
        await this.freezer.freeze(manager, report.wallet, report.kind, incident);
      }
    }
    await this.creditDue(manager, at);
  }

  /** Credits the deposits that this block gives their last confirmation. */
  private async creditDue(manager: EntityManager, at: BlockRef): Promise<void> {
    const due = await manager
      .createQueryBuilder(DepositRow, 'deposit')
      .where({ chain: at.chain, status: 'PENDING' })
      .andWhere('deposit.due_height <= :height', { height: at.height })
      .orderBy('deposit.height')
      .addOrderBy('deposit.id')
      .getMany();
    for (const { id, owner, wallet, asset, amount, txId: transaction, position } of due) {
      const occurrence = { at, transaction, position };
      await this.ledger.post(manager, depositCredited({ ...occurrence, owner, wallet, asset, amount: BigInt(amount) }));
      await manager.update(DepositRow, { id }, { status: 'CREDITED', creditedBlock: at.hash });
    }
    await this.setCoinsOf(manager, at, 'PENDING', 'AVAILABLE');
  }

  /**
   * Takes a block back that is no longer part of its chain: its deposits are reversed, those that it completed wait
   * again, its coins are gone, those that it spent are there again, and its entries are reversed. Incidents stay.
   */
  async takeBack(manager: EntityManager, at: BlockRef): Promise<void> {
    const { chain, hash } = at;
    await this.ledger.reverseBlock(manager, chain, hash);
    await this.setCoinsOf(manager, at, 'AVAILABLE', 'PENDING');
    await manager.update(DepositRow, { chain, blockHash: hash }, { status: 'REVERSED', creditedBlock: null });
    await manager.update(DepositRow, { chain, creditedBlock: hash }, { status: 'PENDING', creditedBlock: null });
    const unspent = { spentBy: null, spentBlock: null, spentHeight: null };
    await manager.update(CoinRow, { chain, spentBlock: hash }, unspent);
    await manager.delete(CoinRow, { chain, blockHash: hash });
    await manager.delete(SafeExecutionRow, { chain, blockHash: hash });
    await manager.delete(ChainTransactionRow, { chain, blockHash: hash });
  }

  /** The coins of the deposits that this block credits. */
  private async setCoinsOf(
    manager: EntityManager,
    { chain, hash }: BlockRef,
    from: CoinRow['status'],
    to: CoinRow['status'],
  ): Promise<void> {
    await manager.query(
      `update coin set status = $4 from deposit
       where deposit.chain = $1 and deposit.credited_block = $2 and deposit.status = 'CREDITED' and coin.status = $3
         and coin.chain = deposit.chain and coin.txid = deposit.tx_id and coin.vout::text = deposit.position`,
      [chain, hash, from, to],
    );
  }
}

function* chunks<T>(rows: readonly T[]): Generator<T[]> {
  for (let start = 0; start < rows.length; start += INSERT_CHUNK) yield rows.slice(start, start + INSERT_CHUNK);
}
