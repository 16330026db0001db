import { Injectable } from '@nestjs/common';
import { formatPolicy, parsePolicy } from '@bulkhead/cedar';
import { applyAct, type Policy } from '@bulkhead/charter';
import { orThrow, refused, RefusalError } from '@bulkhead/intent';
import {
  backTest,
  diffLines,
  explainTransfer,
  lintDraft,
  proveDraft,
  type BackTest,
  type DiffLine,
  type Explanation,
  type Finding,
  type PolicyAct,
  type Proof,
} from '@bulkhead/policy';
import { CharterService } from '../../charter/core/charter.service.js';
import { TransfersService } from '../../transfers/core/transfers.service.js';
import { UNSENT_STATES } from '../../transfers/core/transitions.js';
import { PastTransfers } from './past-transfers.js';

/** A policy as it would be set, or the removal of one. */
export type Draft = Policy | { readonly id: string; readonly remove: true };

/** What a compliance officer needs to know of a draft before proposing it. */
export interface DraftReport {
  /** Empty of a removal. */
  readonly formatted: string;
  readonly diff: readonly DiffLine[];
  readonly findings: readonly Finding[];
  readonly proof: Proof;
}

export interface BackTestPage extends BackTest {
  /** Where the next page goes on; null when this was the last. */
  readonly next: string | null;
  /** Transfers of these days in all. */
  readonly total: number;
  /** Transfers of the page with more spends before them than are looked back on: their velocities are too low. */
  readonly historyCut: readonly string[];
}

export interface PolicyInForce extends Policy {
  readonly effect: 'permit' | 'forbid';
  readonly quorum: string | null;
  readonly description: string | null;
}

/** Reads, checks and explains the charter's policies. Nothing here changes one: that is an act of the charter. */
@Injectable()
export class PoliciesService {
  constructor(
    private readonly charter: CharterService,
    private readonly transfers: TransfersService,
    private readonly past: PastTransfers,
  ) {}

  async inForce(): Promise<PolicyInForce[]> {
    const { policies } = await this.charter.required();
    return [...policies.values()].map((policy) => {
      const { effect, quorum, description } = orThrow(parsePolicy(policy.text));
      return { ...policy, effect, quorum: quorum ?? null, description: description ?? null };
    });
  }

  /** Throws the refusal of a draft that cannot be read or does not fit the charter. */
  async check(draft: Draft): Promise<DraftReport> {
    const state = await this.charter.required();
    const act = actOf(draft);
    const formatted = act.kind === 'policy.set' ? orThrow(formatPolicy(act.text)) : '';
    const at = new Date().toISOString();
    const proof = orThrow(proveDraft(state, act, at));
    const before = state.policies.get(draft.id);
    const diff = diffLines(before ? orThrow(formatPolicy(before.text)) : '', formatted);
    const findings = orThrow(lintDraft(state, act, at));
    return { formatted, diff, findings, proof };
  }

  /** One page of the back-test of a draft: short enough to hold nobody up. */
  async backTest(draft: Draft, days: number, after?: string): Promise<BackTestPage> {
    const state = await this.charter.required();
    const act = actOf(draft);
    const now = new Date().toISOString();
    const next = orThrow(applyAct(state, act, now));
    const { transfers, ...page } = await this.past.page([state, next], days, after);
    return { ...orThrow(backTest(state, act, transfers, now)), ...page };
  }

  /**
   * A transfer that still waits is asked about as of now; one that was refused, has ended or was sent as of the instant
   * when it was proposed, like in a back-test, under the policies of now.
   */
  async explain(id: string): Promise<Explanation> {
    const state = await this.charter.required();
    const row = await this.transfers.find(id);
    if (!row.payload) {
      throw new RefusalError(refused('intent.state', 'It has no bytes that policies could be asked about.').refusal);
    }
    if (UNSENT_STATES.includes(row.state)) {
      const { request, history } = await this.transfers.question(state, row, { all: true });
      return orThrow(explainTransfer(state, request, new Date().toISOString(), history));
    }
    const { at, history, ...asked } = await this.past.asOfThen([state], row, true);
    const words = await this.transfers.words(state, row);
    const approvals = words.map(({ word }) => word).filter(({ statement }) => statement.decision === 'APPROVE');
    return orThrow(explainTransfer(state, { ...asked, approvals, attestations: [...asked.attestations] }, at, history));
  }
}

const actOf = (draft: Draft): PolicyAct =>
  'remove' in draft ? { kind: 'policy.remove', id: draft.id } : { kind: 'policy.set', ...draft };
