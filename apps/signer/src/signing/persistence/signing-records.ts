import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Head } from '@bulkhead/charter';
import { accepted, refused, type Refusal, type Result } from '@bulkhead/intent';
import { DataSource, In, type EntityManager } from 'typeorm';
import { CommitmentRow } from './commitment.entity.js';
import { DecisionRow } from './decision.entity.js';
import { SignatureRow, type ReleasedSignature } from './signature.entity.js';

/** One request to sign, as it is recorded. */
export interface Question {
  readonly kind: 'transfer' | 'gas';
  /** The wallet, or the gas payer's address, as the request names it. */
  readonly subject: string;
  readonly intentDigest: string | null;
  readonly payloadDigest: string;
  /** RFC 3339 by the signer's own clock. */
  readonly at: string;
  readonly heads: Readonly<Record<string, Head>>;
}

/** What an accepted request uses up, and out of which wallet. */
export interface Use {
  readonly wallet: string;
  readonly resources: readonly string[];
}

/** The signer's memory: what was asked, what each coin and nonce is for, what was signed. Rows are written once. */
@Injectable()
export class SigningRecords {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  async refuse(question: Question, refusal: Refusal): Promise<void> {
    await recordDecision(this.database.manager, question, refusal);
  }

  /**
   * In one transaction under the wallet's lock: records the decision and commits every coin or nonce to this payload.
   * `segregation.coin-committed` when one is committed to another payload; then none is committed.
   *
   * @returns the signatures that were given for this payload before, if any
   */
  commit(question: Question, { wallet, resources }: Use): Promise<Result<readonly ReleasedSignature[] | undefined>> {
    const { payloadDigest, intentDigest, at } = question;
    return this.database.transaction(async (manager) => {
      await manager.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`wallet:${wallet}`]);
      const held = await manager.findBy(CommitmentRow, { resource: In([...resources]) });
      const other = held.find((commitment) => commitment.payloadDigest !== payloadDigest);
      if (other) {
        const refusal = refused(
          'segregation.coin-committed',
          'A coin or nonce of it was given to another transaction.',
          {
            resource: other.resource,
            committedTo: other.payloadDigest,
          },
        );
        await recordDecision(manager, question, refusal.refusal);
        return refusal;
      }
      await recordDecision(manager, question);
      const known = new Set(held.map((commitment) => commitment.resource));
      const fresh = resources.filter((resource) => !known.has(resource));
      const row = { payloadDigest, intentDigest, wallet, at: new Date(at) };
      if (fresh.length > 0)
        await manager.insert(
          CommitmentRow,
          fresh.map((resource) => ({ resource, ...row })),
        );
      // what has been signed had been committed
      if (held.length === 0) return accepted(undefined);
      const released = await manager.findOneBy(SignatureRow, { payloadDigest });
      return accepted(released?.signatures);
    });
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

async function recordDecision(manager: EntityManager, question: Question, refusal?: Refusal): Promise<void> {
  const { kind, subject, intentDigest, payloadDigest, heads, at } = question;
  await manager.insert(DecisionRow, {
    kind,
    subject,
    intentDigest,
    payloadDigest,
    accepted: refusal === undefined,
    code: refusal?.code ?? null,
    facts: refusal?.facts ?? {},
    charterHeads: heads,
    at: new Date(at),
  });
}
