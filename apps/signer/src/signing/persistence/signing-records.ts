import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { accepted, isOutage, refused, type Refusal, type Result } from '@bulkhead/intent';
import type { DecisionRecord, PastSpend } from '@bulkhead/policy';
import { DataSource, In, type EntityManager } from 'typeorm';
import { HardLimits } from '../core/hard-limits.js';
import type { SigningOrder } from '../core/signing-order.js';
import { CommitmentRow } from './commitment.entity.js';
import { DecisionLog, type Answer, type Question } from './decision-log.js';
import { SignatureRow, type ReleasedSignature } from './signature.entity.js';
import { spendColumns } from './spend-columns.js';
import { SpendRow } from './spend.entity.js';

/** What was decided and recorded. */
export interface Recorded {
  readonly record: DecisionRecord;
  readonly result: Result<Committed>;
}
export interface Committed {
  readonly order: SigningOrder;
  /** The signatures that were given for this payload before, if any. */
  readonly released: readonly ReleasedSignature[] | undefined;
}
/** How a request ended. `recorded` is a refusal when a part is broken: then nothing was decided. */
export interface Concluded {
  readonly question: Question;
  readonly recorded: Result<Recorded>;
}
interface Decided {
  readonly answer: Answer;
  readonly result: Result<Committed>;
}
/** Decides with what the transaction sees, and writes with it what belongs to the decision. */
export type Decide = (manager: EntityManager) => Promise<Result<SigningOrder>>;

/** The signer's memory: what was asked, what each coin and nonce is for, what was signed. Rows are written once. */
@Injectable()
export class SigningRecords {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly log: DecisionLog,
    private readonly limits: HardLimits,
  ) {}

  /** What a part says that is away or broken is no decision of this signer: it is not recorded. */
  async refuse(question: Question, refusal: Refusal): Promise<Concluded> {
    if (isOutage(refusal)) return { question, recorded: { ok: false, refusal } };
    return { question, recorded: await this.log.record(question, () => Promise.resolve(no(refusal))) };
  }

  /**
   * In one transaction in which nothing else is decided: decides, records the decision, counts what it pays against this
   * signer's own limits, and commits every coin or nonce to this payload. `segregation.coin-committed` when one is
   * committed to another payload, `intent.replaced-signed`, `signer.over-hard-limit`; then none is committed.
   */
  async commit(question: Question, decide: Decide): Promise<Concluded> {
    const recorded = await this.log.record(question, async (manager) => {
      const order = await decide(manager);
      return order.ok ? this.give(manager, question, order.value) : no(order.refusal);
    });
    return { question, recorded };
  }

  private async give(manager: EntityManager, question: Question, order: SigningOrder): Promise<Decided> {
    const { payloadDigest, intentDigest } = question;
    const { wallet, resources } = order;
    const held = await manager.findBy(CommitmentRow, { resource: In([...resources]) });
    const other = held.find((commitment) => commitment.payloadDigest !== payloadDigest);
    if (other) {
      return no(
        refused('segregation.coin-committed', 'A coin or nonce of it was given to another transaction.', {
          resource: other.resource,
          committedTo: other.payloadDigest,
        }).refusal,
      );
    }
    const replaced = order.replaces && (await manager.findOneBy(CommitmentRow, { intentDigest: order.replaces }));
    if (replaced) {
      return no(
        refused('intent.replaced-signed', 'What it replaces may have been signed here, so that both could be paid.', {
          replaces: replaced.intentDigest ?? '',
          resource: replaced.resource,
        }).refusal,
      );
    }
    const at = new Date(question.at);
    const isCounted = order.spends === null || (await manager.existsBy(SpendRow, { payloadDigest }));
    const spends = isCounted ? null : order.spends;
    if (spends) {
      const within = await this.limits.check(manager, spends, at);
      if (!within.ok) return no(within.refusal);
      await manager.insert(SpendRow, spendColumns(spends));
    }
    const known = new Set(held.map((commitment) => commitment.resource));
    const fresh = resources.filter((resource) => !known.has(resource));
    if (fresh.length > 0)
      await manager.insert(
        CommitmentRow,
        fresh.map((resource) => ({ resource, payloadDigest, intentDigest, wallet, at })),
      );
    // what has been signed had been committed
    const released = held.length === 0 ? null : await manager.findOneBy(SignatureRow, { payloadDigest });
    return {
      answer: { code: null, facts: order.facts, commits: fresh, spends: spends && paidBy(spends) },
      result: accepted({ order, released: released?.signatures }),
    };
  }

  /** Stores signatures before they leave. When another request was faster, its signatures are given instead. */
  async release(
    { payloadDigest, at }: Question,
    { wallet }: SigningOrder,
    signatures: readonly ReleasedSignature[],
  ): Promise<readonly ReleasedSignature[]> {
    const inserted = await this.database
      .createQueryBuilder()
      .insert()
      .into(SignatureRow)
      .values({ payloadDigest, wallet, signatures: [...signatures], at: new Date(at) })
      .orIgnore()
      .returning('payload_digest')
      .execute();
    if ((inserted.raw as unknown[]).length > 0) return signatures;
    const row = await this.database.getRepository(SignatureRow).findOneByOrFail({ payloadDigest });
    return row.signatures;
  }
}

const no = (refusal: Refusal): Decided => ({
  answer: { code: refusal.code, facts: refusal.facts, commits: [], spends: null },
  result: { ok: false, refusal },
});

const paidBy = ({ asset, amount, owner, payee, initiator, purpose }: PastSpend): Answer['spends'] => ({
  asset,
  amount: amount.toString(),
  owner,
  payee,
  initiator,
  purpose,
});
