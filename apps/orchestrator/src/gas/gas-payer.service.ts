import { Injectable } from '@nestjs/common';
import { isKeyActive, type CharterState, type GasPayer } from '@bulkhead/charter';
import { serialiseGasTransaction } from '@bulkhead/ethereum';
import { accepted, isEthereumChain, orThrow, refused, type Result } from '@bulkhead/intent';
import type { GasRequest } from '@bulkhead/policy';
import { DataSource } from 'typeorm';
import { isLive } from '../charter/core/charter-catch-up.js';
import { CharterService } from '../charter/core/charter.service.js';
import { EthereumClient } from '../chains/ethereum-client.js';
import { DecisionsService } from '../decisions/core/decisions.service.js';
import { SignersService } from '../signers/signers.service.js';

interface GasRow {
  nonce: string;
  request: GasRequest;
  raw_transaction: string | null;
  tx_hash: string | null;
}

export interface GasCallRequest {
  /** `deploy:<wallet>` or `execute:<transfer>`: a subject gets one transaction, however often it is asked for. */
  readonly subject: string;
  readonly to: string;
  readonly data: string;
  readonly safeNonce: string | null;
}

/** Pays gas for Safes from the house's gas payer, whose key is in a signer's token. Every step can be repeated. */
@Injectable()
export class GasPayerService {
  constructor(
    private readonly database: DataSource,
    private readonly charter: CharterService,
    private readonly ethereum: EthereumClient,
    private readonly signers: SignersService,
    private readonly decisions: DecisionsService,
  ) {}

  /** Records, has signed and sends. Answers with the transaction's hash once the node has taken it. */
  async send(call: GasCallRequest): Promise<Result<string>> {
    const payer = gasPayerOf(await this.charter.required());
    if (!payer.ok) return payer;
    const recorded = (await this.find(call.subject)) ?? (await this.record(payer.value, call));
    if ('ok' in recorded) return recorded;
    const signed = recorded.raw_transaction ?? (await this.sign(payer.value, recorded, call.subject));
    if (typeof signed !== 'string') return signed;
    await this.resend(payer.value, recorded.nonce);
    return this.ethereum.sendRawTransaction(signed);
  }

  /** Sends again what a node that died or a reorg has lost: nothing after a missing nonce is ever mined. */
  async resendLost(): Promise<void> {
    const payer = gasPayerOf(await this.charter.required());
    if (payer.ok) await this.resend(payer.value);
  }

  /** Transactions that are signed and not mined, up to a nonce. A node that has them says so, and that is no harm. */
  private async resend(payer: GasPayer, beforeNonce?: string): Promise<void> {
    const mined = await this.ethereum.transactionCount(payer.address, 'latest');
    const lost: { raw_transaction: string }[] = await this.database.query(
      `select raw_transaction from gas_transaction
       where payer = $1 and nonce >= $2 and ($3::bigint is null or nonce < $3) and raw_transaction is not null
       order by nonce limit 100`,
      [payer.id, mined, beforeNonce ?? null],
    );
    for (const { raw_transaction: raw } of lost) await this.ethereum.sendRawTransaction(raw);
  }

  private async find(subject: string): Promise<GasRow | undefined> {
    const rows: GasRow[] = await this.database.query(
      'select nonce, request, raw_transaction, tx_hash from gas_transaction where subject = $1',
      [subject],
    );
    return rows[0];
  }

  /** Numbers the transaction under the payer's lock, before anyone signs it: nonces have no gap and no double use. */
  private async record(payer: GasPayer, call: GasCallRequest): Promise<GasRow | Result<never>> {
    const estimate = await this.ethereum.estimateGas({ from: payer.address, to: call.to, data: call.data });
    if (!estimate.ok) return estimate;
    const fees = await this.ethereum.feeData();
    await this.database.transaction(async (manager) => {
      await manager.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`gas:${payer.id}`]);
      const [last]: { next: string }[] = await manager.query(
        // the chain may be ahead of a database that was restored
        'select greatest(coalesce(max(nonce) + 1, 0), $2::bigint) as next from gas_transaction where payer = $1',
        [payer.id, await this.ethereum.transactionCount(payer.address, 'latest')],
      );
      const nonce = last?.next ?? '0';
      const request: GasRequest = {
        transaction: {
          chain: evmChain(payer),
          from: payer.address,
          nonce,
          to: call.to,
          data: call.data,
          // a Safe's execution needs somewhat more than it is estimated at (EIP-150 keeps 1/64 back)
          gasLimit: ((estimate.value * 13n) / 10n + 20_000n).toString(),
          maxFeePerGas: fees.maxFeePerGas.toString(),
          maxPriorityFeePerGas: fees.maxPriorityFeePerGas.toString(),
        },
        safeNonce: call.safeNonce,
      };
      await manager.query(
        `insert into gas_transaction (payer, nonce, subject, request) values ($1, $2, $3, $4)
         on conflict (subject) do nothing`,
        [payer.id, nonce, call.subject, JSON.stringify(request)],
      );
    });
    const row = await this.find(call.subject);
    if (!row) throw new Error(`gas transaction of ${call.subject} was not recorded`);
    return row;
  }

  private async sign(payer: GasPayer, row: GasRow, subject: string): Promise<string | Result<never>> {
    const signer = payer.keys[0]?.signer ?? '';
    const signed = await this.signers.signGas(signer, row.request);
    const decision = signed.ok ? signed.value.decision : signed.decision;
    if (decision) await this.decisions.keep(decision, null);
    if (!signed.ok) return signed;
    const [signature, ...others] = signed.value.signatures;
    if (!signature || others.length > 0)
      return refused('signer.answer-invalid', 'A gas transaction has one signature.', { signer });
    const { raw, hash } = orThrow(
      serialiseGasTransaction(row.request.transaction, Buffer.from(signature.signature, 'hex')),
    );
    const kept: { raw_transaction: string }[] = await this.database
      .query(
        `update gas_transaction set raw_transaction = coalesce(raw_transaction, $2), tx_hash = coalesce(tx_hash, $3)
       where subject = $1 returning raw_transaction`,
        [subject, raw, hash],
      )
      .then((answer: [{ raw_transaction: string }[], number]) => answer[0]);
    return kept[0]?.raw_transaction ?? raw;
  }
}

function gasPayerOf(state: CharterState): Result<GasPayer> {
  const payer = state.wallets.find(
    (wallet) =>
      wallet.kind === 'gas-payer' &&
      wallet.chain === state.genesis.ethereum &&
      wallet.keys.every(({ signer }) => isLive(state, signer) && isKeyActive(state, wallet, signer)),
  );
  return payer?.kind === 'gas-payer'
    ? accepted(payer)
    : refused(
        'charter.unknown-wallet',
        'The house has no gas payer whose key and signer are in service: open one in the charter first.',
      );
}

function evmChain(payer: GasPayer): GasRequest['transaction']['chain'] {
  if (!isEthereumChain(payer.chain)) throw new Error('a gas payer on a chain that is not EVM');
  return payer.chain;
}
