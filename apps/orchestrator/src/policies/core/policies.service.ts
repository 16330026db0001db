import { Injectable } from '@nestjs/common';
import { formatPolicy, parsePolicy } from '@bulkhead/cedar';
import type { Policy } from '@bulkhead/charter';
import { orThrow, refused, RefusalError } from '@bulkhead/intent';
import {
  diffLines,
  explainTransfer,
  lintPolicy,
  proveDraft,
  type DiffLine,
  type Explanation,
  type Finding,
  type Proof,
} from '@bulkhead/policy';
import { CharterService } from '../../charter/core/charter.service.js';
import { TransfersService } from '../../transfers/core/transfers.service.js';

/** What a compliance officer needs to know of a draft before proposing it. */
export interface DraftReport {
  readonly formatted: string;
  readonly diff: readonly DiffLine[];
  readonly findings: readonly Finding[];
  readonly proof: Proof;
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
  ) {}

  async inForce(): Promise<PolicyInForce[]> {
    const { policies } = await this.charter.required();
    return [...policies.values()].map((policy) => {
      const { effect, quorum, description } = orThrow(parsePolicy(policy.text));
      return { ...policy, effect, quorum: quorum ?? null, description: description ?? null };
    });
  }

  /** Throws the refusal of a draft that cannot be read or does not fit the charter. */
  async check(draft: Policy): Promise<DraftReport> {
    const state = await this.charter.required();
    const formatted = orThrow(formatPolicy(draft.text));
    const act = { kind: 'policy.set' as const, ...draft };
    const proof = orThrow(proveDraft(state, act, new Date().toISOString()));
    const before = state.policies.get(draft.id)?.text ?? '';
    return { formatted, diff: diffLines(before, formatted), findings: lintPolicy(state, draft), proof };
  }

  async explain(id: string): Promise<Explanation> {
    const state = await this.charter.required();
    const row = await this.transfers.find(id);
    if (!row.payload) {
      throw new RefusalError(refused('intent.state', 'It has no bytes that policies could be asked about.').refusal);
    }
    const { request, history } = await this.transfers.question(state, row);
    return orThrow(explainTransfer(state, request, new Date().toISOString(), history));
  }
}
