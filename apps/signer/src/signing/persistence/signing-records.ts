import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { accepted, refused, type AssetId, type Refusal, type Result } from '@bulkhead/intent';
import type { DecisionRecord } from '@bulkhead/policy';
import { DataSource, In, type EntityManager } from 'typeorm';
import { HardLimits } from '../core/hard-limits.js';
import { CommitmentRow } from './commitment.entity.js';
import { DecisionLog, type Answer, type Question } from './decision-log.js';
import { SignatureRow, type ReleasedSignature } from './signature.entity.js';
import { SpendRow } from './spend.entity.js';

/** What an accepted request uses up, and out of which wallet. */
export interface Use {
  readonly wallet: string;
  readonly resources: readonly string[];
  /** What it pays; null when it pays nobody (gas). */
  readonly spends: { readonly asset: AssetId; readonly amount: bigint } | null;
}

/** What was decided and recorded. */
export interface Recorded {
  readonly record: DecisionRecord;
  readonly result: Result<Committed>;
}
export interface Committed {
  /** The signatures that were given for this payload before, if any. */
  readonly released: readonly ReleasedSignature[] | undefined;
}
interface Decided {
  readonly answer: Answer;
  readonly result: Result<Committed>;
}

/** The signer's memory: what was asked, what each coin and nonce is for, what was signed. Rows are written once. */
@Injectable()
export class SigningRecords {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly log: DecisionLog,
    private readonly limits: HardLimits,
  ) {}

  refuse(question: Question, refusal: Refusal): Promise<Result<Recorded>> {
    return this.log.record(question, () => Promise.resolve(no(refusal)));
  }

  /**
   * In one transaction in which nothing else is decided: records the decision, counts what it pays against this signer's
   * own limits, and commits every coin or nonce to this payload. `segregation.coin-committed` when one is committed to
   * another payload, `signer.over-hard-limit`; then none is committed.
   */
  commit(question: Question, use: Use): Promise<Result<Recorded>> {
    return this.log.record(question, (manager) => this.decide(manager, question, use));
  }

  private async decide(manager: EntityManager, question: Question, use: Use): Promise<Decided> {
    const { payloadDigest, intentDigest } = question;
    const { wallet, resources } = use;
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
    const at = new Date(question.at);
    const isCounted = use.spends === null || (await manager.existsBy(SpendRow, { payloadDigest }));
    const spends = isCounted ? null : use.spends;
    if (spends) {
      const within = await this.limits.check(manager, spends, at);
      if (!within.ok) return no(within.refusal);
      await manager.insert(SpendRow, {
        payloadDigest,
        wallet,
        asset: spends.asset,
        amount: spends.amount.toString(),
        at,
      });
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
    const paid = spends && { asset: spends.asset, amount: spends.amount.toString() };
    return {
      answer: { code: null, facts: {}, commits: fresh, spends: paid },
      result: accepted({ released: released?.signatures }),
    };
  }

  /** Stores signatures before they leave. When another request was faster, its signatures are given instead. */
  async release(
    { payloadDigest, at }: Question,
    { wallet }: Use,
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
