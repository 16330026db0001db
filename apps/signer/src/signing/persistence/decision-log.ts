import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Head } from '@bulkhead/charter';
import {
  accepted,
  canonicalJson,
  digestSchema,
  ZERO_DIGEST,
  type Digest,
  type RefusalCode,
  type Result,
} from '@bulkhead/intent';
import { decisionHash, decisionRecordSchema, type DecisionRecord } from '@bulkhead/policy';
import { DataSource, In, IsNull, MoreThanOrEqual, Not, type EntityManager } from 'typeorm';
import { SignerIdentity } from '../../signer-identity.js';
import { rolledBack, TokenMemory, type KeptLog, type LogTip } from '../../token-memory/core/token-memory.js';
import { CommitmentRow } from './commitment.entity.js';
import { DecisionRow } from './decision.entity.js';
import { SpendRow } from './spend.entity.js';

/** One request to sign, as it is recorded. */
export interface Question {
  readonly kind: 'transfer' | 'gas';
  /** The wallet, or the gas payer's address, as the request names it. */
  readonly subject: string;
  readonly intentDigest: Digest | null;
  readonly payloadDigest: Digest;
  /** RFC 3339 by the signer's own clock. */
  readonly at: string;
  readonly heads: Readonly<Record<string, Head>>;
}

/** What was answered. `code` null is yes. */
export interface Answer {
  readonly code: RefusalCode | null;
  readonly facts: Readonly<Record<string, string>>;
  /** Coins and nonces that are given to the payload with this answer. */
  readonly commits: readonly string[];
  readonly spends: DecisionRecord['spends'];
}

const PAGE = 500;

/**
 * Every decision of this signer as a chain of hashes, one at a time. At the start the whole chain is read again, and all
 * that it says was committed or spent must be in the tables that are asked while signing.
 */
@Injectable()
export class DecisionLog implements OnModuleInit, KeptLog {
  private readonly logger = new Logger('decisions');
  tip: LogTip = { count: 0, hash: ZERO_DIGEST };
  fault: string | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly identity: SignerIdentity,
    memory: TokenMemory,
  ) {
    memory.keep('decisions', this);
  }

  async onModuleInit(): Promise<void> {
    while (this.fault === undefined) {
      const rows = await this.database.getRepository(DecisionRow).find({
        where: { position: MoreThanOrEqual(this.tip.count) },
        order: { position: 'ASC' },
        take: PAGE,
      });
      const records = rows.map((row) => this.link(row)).filter((record) => record !== undefined);
      this.fault ??= await this.forgotten(records);
      if (rows.length < PAGE) break;
    }
    this.logger.log({ msg: 'decisions read', decisions: this.tip.count, fault: this.fault });
  }

  async hashAfter(count: number): Promise<Digest | undefined> {
    if (count === 0) return ZERO_DIGEST;
    const row = await this.database.getRepository(DecisionRow).findOneBy({ position: count - 1 });
    return row?.hash ? digestSchema.parse(row.hash) : undefined;
  }

  /** The tip as the database has it now. */
  async stored(manager = this.database.manager): Promise<LogTip> {
    const [last] = await manager.find(DecisionRow, {
      where: { position: Not(IsNull()) },
      order: { position: 'DESC' },
      take: 1,
    });
    return last?.record ? after(decisionRecordSchema.parse(JSON.parse(last.record))) : NOTHING;
  }

  /** At most `most` decisions, those that follow the first `count`. */
  async after(count: number, most: number): Promise<DecisionRecord[]> {
    const rows = await this.database.getRepository(DecisionRow).find({
      where: { position: MoreThanOrEqual(count) },
      order: { position: 'ASC' },
      take: most,
    });
    return rows.map(({ record }) => decisionRecordSchema.parse(JSON.parse(record ?? 'null')));
  }

  /**
   * Runs `decide` in a transaction in which nothing else is decided, and appends what it gives. `decide` writes what
   * belongs to its answer with the given manager; it throws to leave nothing behind.
   */
  record<T extends { readonly answer: Answer }>(
    question: Question,
    decide: (manager: EntityManager) => Promise<T>,
  ): Promise<Result<T & { readonly record: DecisionRecord }>> {
    const result = this.turn.then(async () => {
      const written = await this.database.transaction(async (manager) => {
        await manager.query(`select pg_advisory_xact_lock(hashtextextended('decision', 0))`);
        const tip = await this.tipIn(manager);
        if (!tip.ok) return tip;
        const decided = await decide(manager);
        const record = this.recordOf(question, decided.answer, tip.value);
        await manager.insert(DecisionRow, rowOf(record));
        return accepted({ ...decided, record });
      });
      if (written.ok) this.tip = after(written.value.record);
      return written;
    });
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** The tip in the database: ours, or further when a commit got through whose answer was lost. */
  private async tipIn(manager: EntityManager): Promise<Result<LogTip>> {
    const { count, hash } = this.tip;
    const found = await this.stored(manager);
    if (found.count === count && found.hash === hash) return accepted(found);
    const ours = count === 0 ? undefined : await manager.findOneBy(DecisionRow, { position: count - 1 });
    return found.count > count && (ours?.hash ?? ZERO_DIGEST) === hash
      ? accepted(found)
      : rolledBack({ log: 'decisions', memory: String(count), database: String(found.count) });
  }

  private recordOf(question: Question, answer: Answer, tip: LogTip): DecisionRecord {
    const { kind, subject, intentDigest, payloadDigest, heads, at } = question;
    const { code, facts, commits, spends } = answer;
    return {
      v: 1,
      firm: this.identity.firm,
      signer: this.identity.id,
      position: tip.count,
      previous: tip.hash,
      kind,
      subject,
      intentDigest,
      payloadDigest,
      decision: code === null ? 'SIGN' : 'REFUSE',
      code,
      facts: { ...facts },
      commits: [...commits],
      spends,
      heads: { ...heads },
      at,
    };
  }

  /** Takes a row as the next link, or notes why it is none. */
  private link({ position, hash, record: text }: DecisionRow): DecisionRecord | undefined {
    if (this.fault !== undefined) return undefined;
    const parsed = decisionRecordSchema.safeParse(JSON.parse(text ?? 'null'));
    const fits =
      parsed.success &&
      parsed.data.position === this.tip.count &&
      position === this.tip.count &&
      parsed.data.previous === this.tip.hash &&
      decisionHash(parsed.data) === hash;
    if (!fits) {
      this.fault = `decision ${this.tip.count} is not the next of the chain`;
      return undefined;
    }
    this.tip = after(parsed.data);
    return parsed.data;
  }

  /** The first thing that the records say was committed or spent and that is not so in its table. */
  private async forgotten(records: readonly DecisionRecord[]): Promise<string | undefined> {
    const resources = records.flatMap(({ commits }) => commits);
    const payloads = records.filter(({ spends }) => spends !== null).map(({ payloadDigest }) => payloadDigest);
    const manager = this.database.manager;
    const committed = new Map(
      (await manager.findBy(CommitmentRow, { resource: In(resources) })).map((row) => [row.resource, row]),
    );
    const spent = new Map(
      (await manager.findBy(SpendRow, { payloadDigest: In(payloads) })).map((row) => [row.payloadDigest, row]),
    );
    for (const { commits, payloadDigest, spends } of records) {
      const lost = commits.find((resource) => committed.get(resource)?.payloadDigest !== payloadDigest);
      if (lost !== undefined) return `the commitment of ${lost} is not in its table`;
      const spend = spent.get(payloadDigest);
      if (spends && !isOf(spends, spend)) return `what ${payloadDigest} pays is not in its table`;
    }
    return undefined;
  }
}

/** What a record does not say was not known when it was made. */
const isOf = (spends: NonNullable<DecisionRecord['spends']>, row: SpendRow | undefined): boolean =>
  row !== undefined && Object.entries(spends).every(([field, value]) => row[field as keyof typeof spends] === value);

const NOTHING: LogTip = { count: 0, hash: ZERO_DIGEST };

const after = (record: DecisionRecord): LogTip => ({ count: record.position + 1, hash: decisionHash(record) });

const rowOf = (record: DecisionRecord) => ({
  kind: record.kind,
  subject: record.subject,
  intentDigest: record.intentDigest,
  payloadDigest: record.payloadDigest,
  accepted: record.decision === 'SIGN',
  code: record.code,
  facts: record.facts,
  charterHeads: record.heads,
  at: new Date(record.at),
  position: record.position,
  hash: decisionHash(record),
  record: canonicalJson(record),
});
