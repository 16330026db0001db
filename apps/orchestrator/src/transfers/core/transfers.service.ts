import { Injectable } from '@nestjs/common';
import { checkWord, standingWords, type Approval } from '@bulkhead/approval';
import type { CharterState } from '@bulkhead/charter';
import { isOutage, orThrow, refused, RefusalError, type Payload, type TransferIntent } from '@bulkhead/intent';
import {
  checkAttestations,
  checkIntent,
  checkTransfer,
  decideTransfer,
  freshAttestations,
  NO_HISTORY,
  type Attestation,
  type CheckedIntent,
  type History,
  type TransferRequest,
} from '@bulkhead/policy';
import type { EntityManager } from 'typeorm';
import { CharterService } from '../../charter/core/charter.service.js';
import { keepWord, wordsOn } from '../../charter/core/approval-records.js';
import { JobsService } from '../../jobs/jobs.service.js';
import { raiseCounter } from '../../passkeys/persistence/signature-counter.js';
import { TransferRow } from '../persistence/entities.js';
import { PayloadBuilder } from './build-payload.js';
import { checkReplaced } from './check-replaced.js';
import { checkStart } from './check-start.js';
import { decidedOn, RefusedBytes } from './refused-bytes.js';
import { TransferHistory } from './transfer-history.js';
import { payloadId } from './payload-id.js';
import { contextOf, isComplete, requestOf } from './transfer-request.js';
import { TransferStore } from './transfer-store.js';
import type { TransferState } from './transitions.js';

export interface TransferFilter {
  readonly owner?: string | undefined;
  readonly state?: TransferState | undefined;
}

/** What comes with an intent, besides its proposal. */
interface ProposalParts {
  readonly payload?: Payload | undefined;
  readonly attestations?: readonly Attestation[] | undefined;
  /** The initiator's REJECT of what the intent replaces. */
  readonly rejection?: Approval | undefined;
}

/** Transfers up to the moment when their quorum is complete; from there the worker carries them. */
@Injectable()
export class TransfersService {
  constructor(
    private readonly store: TransferStore,
    private readonly charter: CharterService,
    private readonly builder: PayloadBuilder,
    private readonly jobs: JobsService,
    private readonly history: TransferHistory,
  ) {}

  /**
   * Takes an intent, builds its bytes (or takes those that the caller built), decodes them back and checks them against
   * every invariant, all in one transaction: a process that dies meanwhile leaves nothing, and the intent is sent again.
   * What breaks a rule is kept as REFUSED and refused; a machine that is away decides nothing, so that nothing is kept.
   * The same intent sent again gives the transfer that it led to.
   */
  async propose(
    intent: TransferIntent,
    proposal: Approval,
    { payload, attestations = [], rejection }: ProposalParts = {},
  ): Promise<TransferRow> {
    const state = await this.charter.required();
    const at = new Date().toISOString();
    const checked = orThrow(checkIntent(state, intent, proposal, at));
    orThrow(checkAttestations(state, checked, attestations, at));
    try {
      return await this.store.database.transaction(async (manager) => {
        const { row, isNew } = await this.record(manager, checked, proposal, attestations);
        if (!isNew) return row;
        await this.replace(manager, state, intent, rejection);
        return this.screen(manager, state, row, checked, payload);
      });
    } catch (error) {
      if (error instanceof RefusalError && !isOutage(error.refusal)) {
        await this.keepRefused(checked, proposal, attestations, error);
      }
      throw error;
    }
  }

  async find(id: string): Promise<TransferRow> {
    return this.store.find(id);
  }

  async list({ owner, state }: TransferFilter): Promise<TransferRow[]> {
    const where = { ...(owner !== undefined && { owner }), ...(state !== undefined && { state }) };
    return this.store.database.manager.find(TransferRow, { where, order: { createdAt: 'DESC' }, take: 200 });
  }

  /** Every word that was given on it, with whether it counts as the charter and the clock stand now. */
  async words(state: CharterState, row: TransferRow): Promise<{ word: Approval; stands: boolean }[]> {
    const words = await wordsOn(this.store.database.manager, row.intentDigest);
    const standing = new Set(standingWords(words, contextOf(state, row)));
    return words.map((word) => ({ word, stands: standing.has(word) }));
  }

  /** All that is put to a signer, and what this orchestrator remembers besides: whatever policies ask for, or all. */
  async question(
    state: CharterState,
    row: TransferRow,
    { all = false } = {},
  ): Promise<{ request: TransferRequest; history: History }> {
    const at = new Date().toISOString();
    const approvals = (await this.words(state, row)).filter(({ stands }) => stands).map(({ word }) => word);
    const request = requestOf(state, row, approvals, at);
    const checked = checkIntent(state, row.intent, row.proposal, at);
    const { manager } = this.store.database;
    if (!checked.ok) return { request, history: NO_HISTORY };
    const history = all
      ? await this.history.of(manager, checked.value, at)
      : await this.history.before(manager, state, checked.value, at);
    return { request, history };
  }

  /** Takes what attestors say of it in the place of what they said before: a price is soon too old. */
  async attest(id: string, attestations: readonly Attestation[]): Promise<TransferRow> {
    const state = await this.charter.required();
    return this.store.database.transaction(async (manager) => {
      const row = await this.lockPending(manager, id);
      const at = new Date().toISOString();
      const checked = orThrow(checkIntent(state, row.intent, row.proposal, at));
      orThrow(checkAttestations(state, checked, attestations, at));
      await manager.update(TransferRow, { id }, { attestations: [...attestations] });
      return Object.assign(row, { attestations: [...attestations] });
    });
  }

  /**
   * Takes one member's word on the exact bytes. The word that completes the quorum makes the transfer READY; an approval
   * can be withdrawn until then. Approvals of members or keys that the charter has revoked since count no more.
   */
  async approve(id: string, approval: Approval): Promise<TransferRow> {
    const state = await this.charter.required();
    return this.store.database.transaction(async (manager) => {
      const row = await this.lockPending(manager, id);
      const { decision, member } = approval.statement;
      const words = await wordsOn(manager, row.intentDigest);
      const context = contextOf(state, row);
      await this.take(manager, state, row, words, approval);
      if (decision === 'REJECT') return this.store.move(manager, row, 'REJECTED', { member });
      const approvals = standingWords([...words, approval], context);
      if (decision === 'WITHDRAW') return row;
      const request = requestOf(state, row, approvals, context.at);
      const checked = orThrow(checkIntent(state, row.intent, row.proposal, context.at));
      const history = await this.history.before(manager, state, checked, context.at);
      if (!isComplete(state, request, checked, history, context)) return row;
      orThrow(decideTransfer(state, request, context.at, history));
      return this.store.move(manager, row, 'READY', { approvals: String(approvals.length) });
    });
  }

  /** The initiator takes it back before the quorum is complete, by a REJECT of its own, which binds signers too. */
  async cancel(id: string, member: string, rejection: Approval | undefined): Promise<TransferRow> {
    const state = await this.charter.required();
    return this.store.database.transaction(async (manager) => {
      const row = await this.lockPending(manager, id);
      if (row.intent.initiator !== member) {
        throw new RefusalError(
          refused('request.forbidden', 'Only its initiator cancels a transfer.', { member }).refusal,
        );
      }
      if (rejection?.statement.decision !== 'REJECT' || rejection.statement.member !== member) {
        throw new RefusalError(
          refused('approval.malformed', 'Send the initiator’s own REJECT of the bytes.', { member }).refusal,
        );
      }
      await this.take(manager, state, row, await wordsOn(manager, row.intentDigest), rejection);
      return this.store.move(manager, row, 'CANCELLED', { member });
    });
  }

  /**
   * Ends the transfer in whose place an intent stands, by its proposer's signed REJECT: its approvals have lapsed, what it
   * held is free, and no signer that knows the REJECT takes it any more, whoever has the orchestrator.
   */
  private async replace(
    manager: EntityManager,
    state: CharterState,
    intent: TransferIntent,
    rejection: Approval | undefined,
  ): Promise<void> {
    const row = orThrow(checkReplaced(intent, await this.replacedBy(manager, intent), rejection));
    if (!row || !rejection) return;
    await this.take(manager, state, row, await wordsOn(manager, row.intentDigest), rejection);
    await this.store.move(manager, row, 'REPLACED', { by: intent.id });
  }

  /** Keeps a word on the bytes. What is said against them is brought to the signers, so that it binds them as well. */
  private async take(
    manager: EntityManager,
    state: CharterState,
    row: TransferRow,
    words: readonly Approval[],
    word: Approval,
  ): Promise<void> {
    orThrow(checkWord(words, word, contextOf(state, row)));
    await keepWord(manager, state, row.intentDigest, word);
    if (word.statement.decision !== 'APPROVE') await this.jobs.enqueue('rejection', row.id, manager);
  }

  private async replacedBy(manager: EntityManager, { replaces }: TransferIntent): Promise<TransferRow | null> {
    if (replaces === undefined) return null;
    return manager.findOne(TransferRow, { where: { intentDigest: replaces }, lock: { mode: 'pessimistic_write' } });
  }

  /** Writes the intent as PROPOSED, unless it is there. Waits for another request that is writing the same one. */
  private async record(
    manager: EntityManager,
    checked: CheckedIntent,
    proposal: Approval,
    attestations: readonly Attestation[] = [],
  ): Promise<{ row: TransferRow; isNew: boolean }> {
    const { intent, digest, owner, wallet, payee } = checked;
    const inserted: unknown[] = await manager.query(
      `insert into transfer (id, intent_digest, intent, proposal, owner, wallet, chain, asset, amount, payee, purpose, attestations, state)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'PROPOSED') on conflict do nothing returning 1`,
      [
        intent.id,
        digest,
        JSON.stringify(intent),
        JSON.stringify(proposal),
        owner.id,
        wallet.id,
        wallet.chain,
        intent.asset,
        intent.amount,
        payee,
        intent.purpose,
        JSON.stringify(attestations),
      ],
    );
    const row = await manager.findOneBy(TransferRow, { id: intent.id });
    if (row?.intentDigest !== digest) {
      throw new RefusalError(refused('intent.duplicate', 'Another intent has this id.', { id: intent.id }).refusal);
    }
    if (inserted.length > 0) {
      await raiseCounter(manager, proposal);
      await this.store.note(manager, row.id, null, 'PROPOSED', { initiator: intent.initiator });
    }
    return { row, isNew: inserted.length > 0 };
  }

  /** What was understood and may not be, for whoever asks later; with its bytes, where only policies refused them. */
  private async keepRefused(
    checked: CheckedIntent,
    proposal: Approval,
    attestations: readonly Attestation[],
    error: RefusalError,
  ): Promise<void> {
    const { refusal } = error;
    const bytes = error instanceof RefusedBytes && { payload: error.payload };
    await this.store.database.transaction(async (manager) => {
      const { row, isNew } = await this.record(manager, checked, proposal, attestations);
      if (isNew) await this.store.move(manager, row, 'REFUSED', { code: refusal.code }, { refusal, ...bytes });
    });
  }

  /** Builds, decodes back, checks and reserves. */
  private async screen(
    manager: EntityManager,
    state: CharterState,
    row: TransferRow,
    checked: CheckedIntent,
    given: Payload | undefined,
  ): Promise<TransferRow> {
    const payload = given ?? (await this.builder.build(manager, state, checked));
    const at = new Date().toISOString();
    const history = await this.history.reserving(manager, state, checked, at);
    const attestations = freshAttestations(state, row.attestations, at);
    const decision = decidedOn(payload, checkTransfer(state, checked, payload, at, { ...history, attestations }));
    orThrow(checkStart(state, checked.intent));
    if (given) await this.builder.adopt(manager, state, decision);
    await this.store.reserve(manager, row.id, decision.verdict.resources);
    const screened = await this.store.move(
      manager,
      row,
      'SCREENED',
      { payload: decision.payloadDigest },
      {
        payload,
        payloadDigest: decision.payloadDigest,
        payloadId: payloadId(payload),
        fee: decision.facts.fee.amount.toString(),
      },
    );
    const lifeSeconds = Math.ceil((Date.parse(checked.intent.expiresAt) - Date.now()) / 1000) + 1;
    await this.jobs.enqueue('transfer', row.id, manager, Math.max(1, lifeSeconds));
    return this.store.move(manager, screened, 'PENDING_APPROVAL');
  }

  private async lockPending(manager: EntityManager, id: string): Promise<TransferRow> {
    const row = await manager.findOne(TransferRow, { where: { id }, lock: { mode: 'pessimistic_write' } });
    if (!row) throw new RefusalError(refused('request.not-found', 'No such transfer.', { id }).refusal);
    if (row.state !== 'PENDING_APPROVAL') {
      throw new RefusalError(
        refused('intent.state', `The transfer is ${row.state}.`, { id, state: row.state }).refusal,
      );
    }
    return row;
  }
}
