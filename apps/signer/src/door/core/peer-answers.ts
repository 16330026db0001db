import { Injectable } from '@nestjs/common';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { sealProblem } from '@bulkhead/policy';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { Clock } from '../../clock.js';
import { IdentitySeal } from '../../identity-seal.js';
import { Objections } from '../../objections/core/objections.js';
import {
  answerDigest,
  MOST_RECORDS,
  questionDigest,
  tentativeOf,
  type Answer,
  type Question,
  type SealedAnswer,
  type SealedQuestion,
} from '../../peers/core/exchange.js';
import { fingerprintOf } from '../../peers/core/peer-link.js';
import { SignerIdentity } from '../../signer-identity.js';
import { DecisionLog } from '../../signing/persistence/decision-log.js';
import { Tentatives } from '../../signing/persistence/tentatives.js';
import { TokenMemory } from '../../token-memory/core/token-memory.js';

/** How far the clocks of two signers may be apart. */
const MOST_AGE_MS = 60_000;

/** Tells the other signers of the firm, and nobody else, what this one knows. */
@Injectable()
export class PeerAnswers {
  constructor(
    private readonly charter: CharterReplica,
    private readonly decisions: DecisionLog,
    private readonly tentatives: Tentatives,
    private readonly objections: Objections,
    private readonly memory: TokenMemory,
    private readonly identity: SignerIdentity,
    private readonly seal: IdentitySeal,
    private readonly clock: Clock,
  ) {}

  /** `signer.question-invalid` unless a signer in service has put this question to this one now. */
  async answer({ question, ...seal }: SealedQuestion): Promise<Result<SealedAnswer>> {
    const state = this.charter.current();
    if (!state.ok) return state;
    const asker = fingerprintOf(state.value, question.from);
    const problem =
      this.problemOf(question) ??
      (asker === undefined ? 'its signer is not in service' : sealProblem(questionDigest(question), seal, asker));
    if (problem !== undefined)
      return refused('signer.question-invalid', 'This is no question of another signer to this one.', { problem });
    // one whose database was restored, or of which there is another copy, does not know what it has agreed to
    const ready = await this.memory.ready();
    if (!ready.ok) return ready;
    const { heads } = state.value;
    const known = question.chains.flatMap((chain) => {
      const head = heads.get(chain);
      return head ? [[chain, head] as const] : [];
    });
    const answer: Answer = {
      v: 1,
      signer: this.identity.id,
      question: questionDigest(question),
      heads: Object.fromEntries(known),
      ...(await this.history(question)),
      objections: await this.objections.on(question.intents),
    };
    return accepted({ answer, ...this.seal.over(answerDigest(answer)) });
  }

  /** In this order: what leaves the tentatives because it was agreed to is among the decisions that are read after. */
  private async history({ after }: Question): Promise<Pick<Answer, 'tentatives' | 'tip' | 'records'>> {
    const tentatives = await this.tentatives.all();
    const tip = await this.decisions.stored();
    const most = Math.min(MOST_RECORDS, tip.count - after.count);
    const records = most > 0 ? await this.decisions.after(after.count, most) : [];
    return { tentatives: tentatives.map(tentativeOf), tip, records };
  }

  private problemOf({ firm, to, at }: Question): string | undefined {
    if (firm !== this.identity.firm) return 'it is of another firm';
    if (to !== this.identity.id) return 'it is put to another signer';
    const ageMs = Math.abs(Date.parse(this.clock.now()) - Date.parse(at));
    return ageMs > MOST_AGE_MS ? 'it is not of now' : undefined;
  }
}
