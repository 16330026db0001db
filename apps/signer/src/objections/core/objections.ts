import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { checkApproval, type Approval } from '@bulkhead/approval';
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
    const { intent, payload, decision, member, charterSequence } = objection.statement;
    if (decision !== 'REJECT' && decision !== 'WITHDRAW')
      return refused('approval.malformed', 'Send a REJECT or WITHDRAW statement.', { member, decision });
    const state = this.charter.current();
    if (!state.ok) return state;
    const { firm, members, groups } = state.value;
    const at = this.clock.now();
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
    if (!checked.ok) return checked;
    await this.database
      .createQueryBuilder()
      .insert()
      .into(ObjectionRow)
      .values({ intentDigest: intent, member, decision, approval: objection, at: new Date(at) })
      .orIgnore()
      .execute();
    this.logger.log({ msg: 'objection', member, decision, intent });
    return accepted(true);
  }

  async on(intents: readonly Digest[]): Promise<Approval[]> {
    const rows = await this.database.getRepository(ObjectionRow).findBy({ intentDigest: In([...intents]) });
    return rows.map(({ approval }) => approval);
  }

  /** The request without the approvals that were withdrawn; `approval.rejected` when a member has rejected it. */
  async heed(request: TransferRequest, intent: Digest): Promise<Result<TransferRequest>> {
    const objections = (await this.on([intent])).map(({ statement }) => statement);
    const rejected = objections.find(({ decision }) => decision === 'REJECT');
    if (rejected)
      return refused('approval.rejected', 'A member has rejected this intent.', { member: rejected.member });
    const withdrawn = new Set(objections.map(({ member }) => member));
    const approvals = request.approvals.filter(({ statement }) => !withdrawn.has(statement.member));
    return accepted({ ...request, approvals });
  }
}
