import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { checkApproval, type Approval, type Statement } from '@bulkhead/approval';
import { firmHead } from '@bulkhead/charter';
import { accepted, refused, type Digest, type Result } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { DataSource, In } from 'typeorm';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { Clock } from '../../clock.js';
import { ObjectionRow } from '../persistence/objection.entity.js';

/**
 * What members have said against transfers, from whomever it came: nobody can hide it from the approvals that a signer is
 * shown. A REJECT ends its intent here, a WITHDRAW takes its member's approval out, whichever bytes they name.
 */
@Injectable()
export class Objections {
  private readonly logger = new Logger('objections');

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly charter: CharterReplica,
    private readonly clock: Clock,
  ) {}

  /** Keeps a member's REJECT or WITHDRAW for good. It must be truly signed and in time now; later it holds all the same. */
  async take(objection: Approval): Promise<Result<true>> {
    const now = this.clock.now();
    const checked = this.check(objection, now);
    if (!checked.ok) return checked;
    await this.keep(objection, now);
    return accepted(true);
  }

  /**
   * Keeps what another signer has taken, which verified it then: that its time has run out since changes nothing. One that
   * cannot be verified here, since its key is gone perhaps, is no reason to sign: `approval.objection-unverified`.
   */
  async takeTold(signer: string, objection: Approval): Promise<Result<true>> {
    const { intent, member, decision, expiresAt } = objection.statement;
    const now = this.clock.now();
    const isKept = await this.database.getRepository(ObjectionRow).existsBy({ intentDigest: intent, member, decision });
    if (isKept) return accepted(true);
    const checked = this.check(objection, expiresAt < now ? expiresAt : now);
    if (!checked.ok) {
      const facts = { signer, member, decision, problem: checked.refusal.code };
      return refused(
        'approval.objection-unverified',
        'Another signer knows of an objection that cannot be verified.',
        facts,
      );
    }
    await this.keep(objection, now);
    return accepted(true);
  }

  private check(objection: Approval, at: string): Result<true> {
    const { intent, payload, decision, member, charterSequence } = objection.statement;
    if (decision !== 'REJECT' && decision !== 'WITHDRAW')
      return refused('approval.malformed', 'Send a REJECT or WITHDRAW statement.', { member, decision });
    const state = this.charter.current();
    if (!state.ok) return state;
    const { firm, members, groups } = state.value;
    const checked = checkApproval(objection, {
      firm,
      intent,
      payload,
      initiator: '',
      // a member who has seen more of the charter than this signer is heard as well
      charterSequence: Math.max(firmHead(state.value).sequence, charterSequence),
      charterSequenceExact: false,
      members,
      groups,
      at,
    });
    return checked.ok ? accepted(true) : checked;
  }

  private async keep(objection: Approval, at: string): Promise<void> {
    const { intent, decision, member } = objection.statement;
    await this.database
      .createQueryBuilder()
      .insert()
      .into(ObjectionRow)
      .values({ intentDigest: intent, member, decision, approval: objection, at: new Date(at) })
      .orIgnore()
      .execute();
    this.logger.log({ msg: 'objection', member, decision, intent });
  }

  async on(intents: readonly Digest[]): Promise<Approval[]> {
    const rows = await this.database.getRepository(ObjectionRow).findBy({ intentDigest: In([...intents]) });
    return rows.map(({ approval }) => approval);
  }

  /**
   * The request without the approvals that were withdrawn. `approval.rejected` when a member has rejected it;
   * `intent.replaced-stands` when it replaces an intent that no member has rejected, which could therefore still be paid.
   *
   * @param intents digest of the request's intent, then of the one that it replaces, if any
   */
  async heed(request: TransferRequest, [intent, replaced]: readonly Digest[]): Promise<Result<TransferRequest>> {
    const all = (await this.on([intent, replaced].filter((digest) => digest !== undefined))).map(
      ({ statement }) => statement,
    );
    const objections = all.filter((statement) => statement.intent === intent);
    const rejected = objections.find(isRejection);
    if (rejected)
      return refused('approval.rejected', 'A member has rejected this intent.', { member: rejected.member });
    if (replaced !== undefined && !all.some((one) => one.intent === replaced && isRejection(one)))
      return refused('intent.replaced-stands', 'No member has rejected the intent that this one replaces.', {
        replaces: replaced,
      });
    const withdrawn = new Set(objections.map(({ member }) => member));
    const approvals = request.approvals.filter(({ statement }) => !withdrawn.has(statement.member));
    return accepted({ ...request, approvals });
  }
}

const isRejection = ({ decision }: Statement): boolean => decision === 'REJECT';
