import { Injectable, Logger } from '@nestjs/common';
import { bitcoinSpec, type CharterState, type SafeWallet, type Wallet } from '@bulkhead/charter';
import { finalisePsbt } from '@bulkhead/bitcoin';
import { encodeExecTransaction, ownerAddress, recoverableSignature, safeTxHash } from '@bulkhead/ethereum';
import {
  accepted,
  isEthereumChain,
  isOutage,
  refused,
  type Payload,
  type Refusal,
  type Result,
} from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { CharterPush } from '../../charter/core/charter-push.js';
import { DecisionsService } from '../../decisions/core/decisions.service.js';
import { SignersService } from '../../signers/signers.service.js';
import type { StoredSignature, TransferRow } from '../persistence/entities.js';
import { askQuorum } from './ask-quorum.js';
import { GroupSignatureCollector } from './collect-group-signature.js';
import { isNotNow, type Collected } from './collected.js';
import { TransferStore, type TransferPatch } from './transfer-store.js';
import { NO_SIGNERS, tooFewSigners, usableSigners } from './usable-signers.js';

/** A signer that has not answered by then is not waited for, where a spare one can sign: about what a busy token needs. */
const SPARE_AFTER_MS = 1_500;

/**
 * Asks a wallet's signers in service whose keys are active until a quorum of them has signed the same bytes. A signature
 * that comes after that is kept, and of no use. Safe to repeat after any crash.
 */
@Injectable()
export class SignatureCollector {
  private readonly log = new Logger('transfers');

  constructor(
    private readonly signers: SignersService,
    private readonly store: TransferStore,
    private readonly charterPush: CharterPush,
    private readonly decisions: DecisionsService,
    private readonly groups: GroupSignatureCollector,
  ) {}

  async collect(
    state: CharterState,
    row: TransferRow,
    wallet: Exclude<Wallet, { kind: 'gas-payer' }>,
    request: TransferRequest,
  ): Promise<Collected> {
    if (wallet.kind === 'taproot-mpc') return this.groups.collect(state, row, wallet, request);
    const usable = usableSigners(state, wallet);
    const signed = (await this.store.signatures(row.id)).filter(({ signer }) => usable.includes(signer));
    const kept = new Map(signed.map(({ signer, signatures }) => [signer, signatures]));
    const refusals: Refusal[] = [];
    const silent: Refusal[] = [];
    const untried = usable.filter((id) => !kept.has(id));
    if (usable.length < wallet.threshold) return tooFewSigners(state, wallet, request.intent);
    const answers = await askQuorum(untried, wallet.threshold - kept.size, SPARE_AFTER_MS, (signer) =>
      this.askUpToDate(signer, row, request),
    );
    for (const [signer, answer] of answers) {
      if (answer.ok) kept.set(signer, [...answer.value]);
      else (isNotNow(answer.refusal) ? silent : refusals).push(answer.refusal);
    }
    // a signature that came late may make more than are needed
    const quorum = [...kept.values()].slice(0, wallet.threshold);
    if (quorum.length === wallet.threshold) return this.complete(wallet, request.payload, quorum.flat());
    const reachable = kept.size + silent.length >= wallet.threshold;
    const refusal = refusals[0] ?? silent[0] ?? NO_SIGNERS;
    return reachable ? { kind: 'WAITING', refusal } : { kind: 'REFUSED', refusal };
  }

  /** A refusal may come of a charter that has not reached the signer yet: it is brought there, and asked once more. */
  private async askUpToDate(
    signer: string,
    row: TransferRow,
    request: TransferRequest,
  ): Promise<Result<readonly StoredSignature[]>> {
    let answer = await this.ask(signer, row, request);
    if (!answer.ok && !isOutage(answer.refusal) && (await this.charterPush.bringUpToDate(signer)))
      answer = await this.ask(signer, row, request);
    if (!answer.ok)
      this.log.warn(`transfer ${row.id}: ${signer} did not sign: ${answer.refusal.code} ${answer.refusal.detail}`);
    return answer;
  }

  private async ask(
    signer: string,
    row: TransferRow,
    request: TransferRequest,
  ): Promise<Result<readonly StoredSignature[]>> {
    const answer = await this.signers.signTransfer(signer, request);
    const decision = answer.ok ? answer.value.decision : answer.decision;
    if (decision) await this.decisions.keep(decision, row.id);
    if (!answer.ok) return answer;
    const signatures = answer.value.signatures.map(({ inputIndex, publicKey, signature }) => ({
      inputIndex,
      publicKey,
      signature,
    }));
    await this.store.keepSignatures(row.id, signer, signatures);
    return accepted(signatures);
  }

  /** Every signature is verified against the bytes here again, before anything is sent. */
  private complete(
    wallet: Extract<Wallet, { kind: 'safe' | 'bitcoin-multisig' }>,
    payload: Payload,
    signatures: readonly StoredSignature[],
  ): Collected {
    const patch =
      wallet.kind === 'safe' ? safePatch(wallet, payload, signatures) : bitcoinPatch(wallet, payload, signatures);
    return patch.ok ? { kind: 'COMPLETE', patch: patch.value } : { kind: 'REFUSED', refusal: patch.refusal };
  }
}

function bitcoinPatch(
  wallet: Extract<Wallet, { kind: 'bitcoin-multisig' }>,
  payload: Payload,
  signatures: readonly StoredSignature[],
): Result<TransferPatch> {
  if (payload.kind !== 'psbt') return refused('transfer.payload-differs', 'A Bitcoin wallet signs PSBTs.');
  const final = finalisePsbt(
    payload.psbt,
    bitcoinSpec(wallet),
    signatures.map(({ inputIndex, publicKey, signature }) => ({
      inputIndex: inputIndex ?? -1,
      publicKey,
      signature: Buffer.from(signature, 'hex'),
    })),
  );
  return final.ok ? accepted({ rawTransaction: final.value.rawTransaction, txId: final.value.txid }) : final;
}

function safePatch(
  wallet: SafeWallet,
  payload: Payload,
  signatures: readonly StoredSignature[],
): Result<TransferPatch> {
  if (payload.kind !== 'safe-tx' || !isEthereumChain(payload.chain)) {
    return refused('transfer.payload-differs', 'A Safe signs Safe transactions.');
  }
  const digest = safeTxHash(payload.chain, wallet.address, payload.tx);
  const ownerSignatures: { owner: string; signature: string }[] = [];
  for (const { publicKey, signature } of signatures) {
    const owner = ownerAddress(publicKey);
    const recoverable = recoverableSignature(digest, Buffer.from(signature, 'hex'), owner);
    if (!recoverable.ok) return recoverable;
    ownerSignatures.push({ owner, signature: recoverable.value });
  }
  return accepted({ rawTransaction: encodeExecTransaction(payload.tx, ownerSignatures), safeTxHash: digest });
}
