import { Injectable } from '@nestjs/common';
import {
  checkQuorum,
  checkWord,
  standingWords,
  type Approval,
  type ApprovalContext,
  type Quorum,
} from '@bulkhead/approval';
import {
  enactmentAt,
  firmHead,
  previewIntent,
  governedBy,
  quorumFor,
  type Act,
  type CharterEntry,
  type CharterIntent,
  type CharterState,
} from '@bulkhead/charter';
import { intentDigest, orThrow, refused, RefusalError, type Refusal } from '@bulkhead/intent';
import { checkActPolicies } from '@bulkhead/policy';
import { DataSource, type EntityManager } from 'typeorm';
import { IncidentClosing } from '../../incidents/core/incident-closing.js';
import { attestationsOf, type AttestationView } from '../../passkeys/persistence/attestations.js';
import { raiseCounter } from '../../passkeys/persistence/signature-counter.js';
import { CharterIntentRow } from '../persistence/entities.js';
import { keepWord, wordsOn, wordsOnAll } from './approval-records.js';
import { CharterCatchUp } from './charter-catch-up.js';
import { CharterService } from './charter.service.js';
import { governanceOf, obstacle, type Governance } from './governance.js';
import { KeyClaims } from './key-claims.js';
import { OwnershipClaims } from './ownership-claims.js';
import { SwapClaims } from './swap-claims.js';

/** What an act would meet if it were proposed now. */
export interface Preview extends Governance {
  readonly refusal: Refusal | null;
}

/** An intent, and how far its approval has come as the charter and the clock stand. */
export interface ProposedAct {
  readonly row: CharterIntentRow;
  readonly governance: Governance;
  readonly words: readonly { readonly word: Approval; readonly stands: boolean }[];
  /** What its quorum still lacks, or why it cannot be completed; null when nothing is asked of anybody any more. */
  readonly missing: Refusal | null;
  /** RFC 3339, of an enacted act that waits out its delay. */
  readonly notBefore: string | null;
  /** Of the passkey that it would enrol, where it was registered here. */
  readonly attestation: AttestationView | null;
}

/** Intents to change the charter: proposed, approved, and enacted the moment their quorum is complete. */
@Injectable()
export class ProposalsService {
  constructor(
    private readonly database: DataSource,
    private readonly charter: CharterService,
    private readonly catchUp: CharterCatchUp,
    private readonly keyClaims: KeyClaims,
    private readonly ownershipClaims: OwnershipClaims,
    private readonly swapClaims: SwapClaims,
    private readonly incidentClosing: IncidentClosing,
  ) {}

  /** Takes an intent that would be enacted as the charter stands, save for its approvals. Idempotent by its digest. */
  async propose(intent: CharterIntent, proposal: Approval): Promise<CharterIntentRow> {
    const digest = intentDigest(intent);
    const known = await this.database.manager.findOneBy(CharterIntentRow, { digest });
    if (known) return known;
    const state = await this.charter.required();
    const at = new Date().toISOString();
    orThrow(previewIntent(state, intent, proposal, at));
    const { act } = intent;
    orThrow(checkActPolicies(state, act, at));
    orThrow(await this.keyClaims.check(state, act));
    orThrow(await this.ownershipClaims.check(state, act));
    orThrow(await this.swapClaims.check(state, act));
    orThrow(await this.incidentClosing.check(act));
    const repeated = await this.database.manager.existsBy(CharterIntentRow, { id: intent.id });
    if (repeated)
      throw new RefusalError(refused('intent.duplicate', 'Another intent has this id.', { id: intent.id }).refusal);
    await this.database.transaction(async (manager) => {
      const inserted: { readonly raw: unknown } = await manager
        .createQueryBuilder()
        .insert()
        .into(CharterIntentRow)
        .values({ id: intent.id, digest, intent: intent as never, proposal, status: 'PENDING_APPROVAL' })
        .orIgnore()
        .returning('id')
        .execute();
      if (Array.isArray(inserted.raw) && inserted.raw.length > 0) await raiseCounter(manager, proposal);
    });
    return this.find(intent.id);
  }

  /** Tries an act without proposing it: nothing is written. */
  async preview(act: Act, initiator: string): Promise<Preview> {
    const state = await this.charter.required();
    const refusal = obstacle(state, act, initiator, new Date().toISOString());
    const answers = refusal
      ? []
      : [
          await this.keyClaims.check(state, act),
          await this.ownershipClaims.check(state, act),
          await this.swapClaims.check(state, act),
          await this.incidentClosing.check(act),
        ];
    const no = answers.find((answer) => !answer.ok);
    return { ...governanceOf(state, act), refusal: refusal ?? (no?.ok === false ? no.refusal : null) };
  }

  async standing(row: CharterIntentRow): Promise<ProposedAct> {
    const [standing] = await this.standings([row]);
    if (!standing) throw new Error('one row gives one standing');
    return standing;
  }

  async standings(rows: readonly CharterIntentRow[]): Promise<ProposedAct[]> {
    const state = await this.charter.required();
    const given = await wordsOnAll(
      this.database.manager,
      rows.map(({ digest }) => digest),
    );
    const attestations = await attestationsOf(this.database.manager, rows.flatMap(credentialsOf));
    return rows.map((row) => ({
      ...proposedAct(state, row, given.get(row.digest) ?? []),
      attestation: credentialsOf(row).map((credential) => attestations.get(credential))[0] ?? null,
    }));
  }

  async find(id: string): Promise<CharterIntentRow> {
    const row = await this.database.manager.findOneBy(CharterIntentRow, { id });
    if (!row) throw new RefusalError(refused('request.not-found', 'No such charter intent.', { id }).refusal);
    return row;
  }

  async list(limit = 200): Promise<CharterIntentRow[]> {
    return this.database.manager.find(CharterIntentRow, { order: { createdAt: 'DESC' }, take: limit });
  }

  /** Takes one member's word; enacts the intent when its quorum is complete, lapses it when the charter has moved. */
  async approve(id: string, approval: Approval): Promise<CharterIntentRow> {
    // before the word is taken: one that may complete the quorum must be able to
    if (approval.statement.decision === 'APPROVE') orThrow(await this.catchUp.ready());
    const state = await this.charter.required();
    await this.database.transaction(async (manager) => {
      const row = await this.lockPending(manager, id);
      const standing = previewIntent(state, row.intent, row.proposal, new Date().toISOString());
      if (!standing.ok) return this.lapse(manager, id, standing.refusal);
      const context = contextOf(state, row.intent);
      const words = await wordsOn(manager, row.digest);
      orThrow(checkWord(words, approval, context));
      await keepWord(manager, state, row.digest, approval);
      await this.heed(manager, row, approval, words, { quorum: quorumOf(state, row.intent), context });
    });
    return this.enactIfComplete(id);
  }

  /** Enacts what a process that died has left complete. */
  async resume(): Promise<void> {
    const rows = await this.database.manager.findBy(CharterIntentRow, { status: 'PENDING_APPROVAL' });
    if (rows.length === 0 || !(await this.catchUp.ready()).ok) return;
    for (const { id } of rows) await this.enactIfComplete(id);
  }

  /** What follows from a word that was taken, save for the enactment. Throws the refusal of one that cannot count. */
  private async heed(
    manager: EntityManager,
    row: CharterIntentRow,
    { statement }: Approval,
    before: readonly Approval[],
    { quorum, context }: { readonly quorum: Quorum; readonly context: ApprovalContext },
  ): Promise<void> {
    const { decision } = statement;
    if (decision === 'REJECT') {
      await manager.update(CharterIntentRow, { id: row.id }, { status: 'REJECTED' });
      return;
    }
    const words = decision === 'WITHDRAW' ? before : await wordsOn(manager, row.digest);
    const counted = checkQuorum(quorum, row.proposal, standingWords(words, context), context);
    if (decision === 'WITHDRAW' && counted.ok) {
      throw new RefusalError(refused('intent.state', 'Its quorum is complete: it is being enacted.').refusal);
    }
    if (!counted.ok && counted.refusal.code !== 'approval.quorum-not-met') throw new RefusalError(counted.refusal);
  }

  private async lockPending(manager: EntityManager, id: string): Promise<CharterIntentRow> {
    const row = await manager.findOne(CharterIntentRow, { where: { id }, lock: { mode: 'pessimistic_write' } });
    if (!row) throw new RefusalError(refused('request.not-found', 'No such charter intent.', { id }).refusal);
    if (row.status !== 'PENDING_APPROVAL') {
      throw new RefusalError(
        refused('intent.state', `The intent is ${row.status}.`, { id, status: row.status }).refusal,
      );
    }
    return row;
  }

  private async enactIfComplete(id: string): Promise<CharterIntentRow> {
    const row = await this.find(id);
    if (row.status !== 'PENDING_APPROVAL') return row;
    const { intent, proposal } = row;
    const words = await wordsOn(this.database.manager, row.digest);
    const state = await this.charter.required();
    const approvals = standingWords(words, contextOf(state, intent));
    const enactedAt = enactmentAt(state, intent, new Date().toISOString());
    const entry: CharterEntry = { v: 1, intent, proposal, approvals, enactedAt };
    try {
      await this.charter.append(entry, async (manager) => {
        await manager.update(CharterIntentRow, { id }, { status: 'ENACTED' });
      });
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      if (error.refusal.code !== 'approval.quorum-not-met') await this.lapse(this.database.manager, id, error.refusal);
    }
    return this.find(id);
  }

  /** The charter refuses what it once allowed: the intent can never be enacted and says why. */
  private async lapse(manager: EntityManager, id: string, refusal: Refusal): Promise<void> {
    await manager.update(CharterIntentRow, { id, status: 'PENDING_APPROVAL' }, { status: 'LAPSED', refusal: refusal });
  }
}

function proposedAct(
  state: CharterState,
  row: CharterIntentRow,
  words: readonly Approval[],
): Omit<ProposedAct, 'attestation'> {
  const { intent, proposal, status } = row;
  const governance = governanceOf(state, intent.act);
  const context = contextOf(state, intent);
  const standing = new Set(standingWords(words, context));
  const counted =
    status === 'PENDING_APPROVAL' && governance.quorum
      ? checkQuorum(governance.quorum, proposal, [...standing], context)
      : undefined;
  return {
    row,
    governance,
    words: words.map((word) => ({ word, stands: standing.has(word) })),
    missing: counted?.ok === false ? counted.refusal : null,
    notBefore: state.pending.get(row.id)?.notBefore ?? null,
  };
}

/** The passkey that an act would enrol. */
function credentialsOf({ intent: { act } }: CharterIntentRow): string[] {
  return act.kind === 'member-key.enrol' && act.key.scheme === 'webauthn' ? [act.key.credentialId] : [];
}

function quorumOf(state: CharterState, { act }: CharterIntent): Quorum {
  const quorum = act.kind === 'genesis' ? undefined : quorumFor(state, governedBy(state, act));
  if (quorum) return quorum;
  throw new RefusalError(
    refused('charter.act-not-allowed', 'The charter names no quorum for this act.', { act: act.kind }).refusal,
  );
}

const contextOf = (state: CharterState, intent: CharterIntent): ApprovalContext => {
  const digest = intentDigest(intent);
  return {
    firm: state.firm,
    intent: digest,
    payload: digest,
    initiator: intent.initiator,
    charterSequence: firmHead(state).sequence,
    charterSequenceExact: true,
    members: state.members,
    groups: state.groups,
    at: new Date().toISOString(),
  };
};
