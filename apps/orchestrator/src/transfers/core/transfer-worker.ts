import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { refused, RefusalError, type Refusal, type Result } from '@bulkhead/intent';
import { decideTransfer } from '@bulkhead/policy';
import type { CharterState, Wallet } from '@bulkhead/charter';
import { BitcoinClient } from '../../chains/bitcoin-client.js';
import { CharterService } from '../../charter/core/charter.service.js';
import { BlockListeners } from '../../deposits/core/block-listeners.js';
import { GasPayerService } from '../../gas/gas-payer.service.js';
import { JobsService } from '../../jobs/jobs.service.js';
import type { TransferRow } from '../persistence/entities.js';
import { SignatureCollector } from './collect-signatures.js';
import { Inclusion } from './inclusion.js';
import { StaleTransferError, TransferStore } from './transfer-store.js';
import { TransfersService } from './transfers.service.js';
import type { TransferState } from './transitions.js';

const WAKE_EVERY_MS = 10_000;
/** A transfer that moved lately is in somebody's hands. */
const QUIET_SECONDS = 5;

/** Says that the job is to be tried again later: nothing is lost, and nothing was decided. */
class TryAgain extends Error {}

/**
 * Carries an approved transfer to settlement, one state at a time. A step may run twice or die at any line: it first
 * reads what is written, and its effects (asking a signer, sending a transaction) can be repeated without harm.
 */
@Injectable()
export class TransferWorker implements OnModuleInit, OnApplicationShutdown {
  private readonly log = new Logger('transfers');
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: TransferStore,
    private readonly transfers: TransfersService,
    private readonly charter: CharterService,
    private readonly collector: SignatureCollector,
    private readonly bitcoin: BitcoinClient,
    private readonly gasPayer: GasPayerService,
    private readonly inclusion: Inclusion,
    private readonly jobs: JobsService,
    private readonly blocks: BlockListeners,
  ) {}

  onModuleInit(): void {
    this.jobs.handle('transfer', (id) => this.carry(id));
    this.blocks.add(async (manager, chain) => {
      for (const id of await this.store.touchedByBlocks(manager, chain))
        await this.jobs.enqueue('transfer', id, manager);
    });
  }

  /** Wakes every transfer that can go on, now and then again: what a crash or a part that was away left undone. */
  async watch(): Promise<void> {
    await this.wakeAll(0);
    this.timer = setInterval(() => {
      this.wakeAll(QUIET_SECONDS).catch((error: unknown) => {
        this.log.warn(
          `could not look for transfers to carry on: ${error instanceof Error ? error.message : 'unknown'}`,
        );
      });
    }, WAKE_EVERY_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private async wakeAll(quietSeconds: number): Promise<void> {
    for (const id of await this.store.due(quietSeconds)) await this.jobs.look('transfer', id);
    await this.gasPayer.resendLost();
  }

  /** Moves the transfer as far as it goes now. Throws when it has to be tried again. */
  async carry(id: string): Promise<void> {
    let row = await this.store.find(id);
    for (let sentJustNow = false; ;) {
      const before: TransferState = row.state;
      try {
        // the chain may have been faster than our own note that it was sent
        row = sentJustNow ? await this.inclusion.follow(row) : await this.step(await this.inclusion.recognise(row));
      } catch (error) {
        if (error instanceof RefusalError) await this.store.noteProblem(row, error.refusal);
        if (!(error instanceof StaleTransferError)) throw error;
        row = await this.store.find(id);
        continue;
      }
      if (row.state === before) return;
      this.log.log(`transfer ${id}: ${before} -> ${row.state}`);
      sentJustNow = before === 'SIGNED';
    }
  }

  private async step(row: TransferRow): Promise<TransferRow> {
    switch (row.state) {
      case 'PROPOSED':
      case 'SCREENED':
      case 'PENDING_APPROVAL':
        return this.expire(row);
      case 'READY':
        return this.isExpired(row) ? this.expire(row) : this.store.moveAlone(row, 'SIGNING');
      case 'SIGNING':
        return this.sign(row);
      case 'SIGNED':
        return this.broadcast(row);
      case 'BROADCAST':
        return this.rebroadcast(row);
      case 'CONFIRMING':
      case 'SETTLED':
        return this.inclusion.follow(row);
      case 'FAILED':
        return row.txId === null ? row : this.inclusion.follow(row);
      case 'REFUSED':
      case 'REJECTED':
      case 'CANCELLED':
      case 'REPLACED':
      case 'EXPIRED':
        return row;
    }
  }

  private isExpired(row: TransferRow): boolean {
    return row.intent.expiresAt < new Date().toISOString();
  }

  private async expire(row: TransferRow): Promise<TransferRow> {
    if (!this.isExpired(row)) return row;
    return row.state === 'SCREENED' ? row : this.store.moveAlone(row, 'EXPIRED', { expiresAt: row.intent.expiresAt });
  }

  /** Decides once more by itself, then asks the signers, each of which decides for itself. */
  private async sign(row: TransferRow): Promise<TransferRow> {
    const state = await this.charter.required();
    const { request, history } = await this.transfers.question(state, row);
    const decision = decideTransfer(state, request, new Date().toISOString(), history);
    if (!decision.ok && decision.refusal.code !== 'intent.expired') return this.fail(row, decision.refusal);
    const wallet = payingWallet(state, row.wallet);
    const collected = await this.collector.collect(state, row, wallet, request);
    switch (collected.kind) {
      case 'COMPLETE':
        return this.store.moveAlone(row, 'SIGNED', {}, { ...collected.patch, refusal: null });
      case 'REFUSED':
        return this.fail(row, collected.refusal);
      case 'WAITING':
        await this.store.noteProblem(row, collected.refusal);
        throw new TryAgain(`transfer ${row.id} waits for signers: ${collected.refusal.code}`);
    }
  }

  /** Sends what is complete. Its identity was written before, so that a follower that sees it first knows it. */
  private async broadcast(row: TransferRow): Promise<TransferRow> {
    const sent = await this.send(row);
    if (sent.ok) return this.store.moveAlone(row, 'BROADCAST', { tx: sent.value }, { txId: sent.value, refusal: null });
    await this.store.noteProblem(row, sent.refusal);
    throw new TryAgain(`transfer ${row.id} could not be sent: ${sent.refusal.code} ${sent.refusal.detail}`);
  }

  /** A node that was restarted or a reorg may have lost it: sending it again is no harm. */
  private async rebroadcast(row: TransferRow): Promise<TransferRow> {
    const followed = await this.inclusion.follow(row);
    if (followed.state !== 'BROADCAST') return followed;
    const sent = await this.send(row);
    if (!sent.ok) await this.store.noteProblem(row, sent.refusal);
    return row;
  }

  private async send(row: TransferRow): Promise<Result<string>> {
    const { payload, rawTransaction } = row;
    if (!payload || !rawTransaction) throw new Error(`transfer ${row.id} is ${row.state} without signatures`);
    if (payload.kind === 'psbt') return this.bitcoin.sendRawTransaction(rawTransaction);
    return this.gasPayer.send({
      subject: `execute:${row.id}`,
      to: payload.safe,
      data: rawTransaction,
      safeNonce: payload.tx.nonce,
    });
  }

  private async fail(row: TransferRow, refusal: Refusal): Promise<TransferRow> {
    return this.store.moveAlone(row, 'FAILED', { code: refusal.code, detail: refusal.detail }, { refusal });
  }
}

function payingWallet(state: CharterState, id: string): Exclude<Wallet, { kind: 'gas-payer' }> {
  const wallet = state.wallets.get(id);
  if (!wallet || wallet.kind === 'gas-payer') {
    throw new Error(refused('charter.unknown-wallet', `${id} is not a wallet that pays`).refusal.detail);
  }
  return wallet;
}
