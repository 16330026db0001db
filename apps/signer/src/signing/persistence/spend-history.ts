import { Injectable } from '@nestjs/common';
import { OWNER_SWAP } from '@bulkhead/intent';
import {
  emptyVelocity,
  velocityBy,
  WINDOWS,
  type History,
  type PastSpend,
  type Velocity,
  type VelocityRead,
  type VelocitySubject,
} from '@bulkhead/policy';
import type { EntityManager } from 'typeorm';
import { spendColumns } from './spend-columns.js';

/** Parameters of the queries below, by place. */
const PARAMETERS = ['asset', 'at', 'wallet', 'owner', 'payee', 'initiator', 'payloadDigest'] as const;
const IS_OF: Readonly<Record<VelocitySubject, string>> = {
  wallet: 'wallet = $3',
  client: 'owner = $4',
  asset: 'true',
  destination: 'owner = $4 and payee = $5',
  initiator: 'initiator = $6',
};
const COLUMNS = 'payload_digest, wallet, owner, payee, initiator, amount, at';
/** What this signer has agreed to, what the others have, and what they are deciding on. */
const SOURCES = [
  'spend',
  'peer_spend',
  `jsonb_to_recordset($8::jsonb) as pending (payload_digest text, wallet text, owner text, asset text, payee text,
    initiator text, purpose text, amount numeric, at timestamptz)`,
] as const;

/** Sum and number of each velocity that is read, by its place: `amount_0`, `count_0`. */
type Sums = Readonly<Record<`${'amount' | 'count'}_${number}`, string>>;

/** What this signer and, as they told, the others have agreed to. `velocityOf` says in TypeScript what is counted. */
@Injectable()
export class SpendHistory {
  /**
   * What a transfer's policies are told of the past, in the transaction that decides. Summed up by the database: there
   * may be a month of spends.
   *
   * @param reads what the policies ask for; all else is left at 0
   * @param pending what others are deciding on; counted as if it were agreed to
   */
  async before(
    manager: EntityManager,
    reads: readonly VelocityRead[],
    spend: PastSpend,
    pending: readonly PastSpend[],
  ): Promise<History> {
    const parameters = [...PARAMETERS.map((name) => spend[name]), JSON.stringify(pending.map(pendingRow))];
    const velocity = await this.velocity(manager, reads, parameters);
    return { velocity, testPaid: await this.testPaid(manager, parameters) };
  }

  /** A payload counts once, as it was agreed to last. */
  private async velocity(
    manager: EntityManager,
    reads: readonly VelocityRead[],
    parameters: readonly unknown[],
  ): Promise<Velocity> {
    if (reads.length === 0) return emptyVelocity();
    const counted = reads.map(
      ({ subject, window }) => `(${IS_OF[subject]} and at > $2::timestamptz - interval '${WINDOWS[window]} seconds')`,
    );
    const known = SOURCES.map(
      (source) => `select ${COLUMNS} from ${source}
        where asset = $1 and payload_digest <> $7 and purpose <> '${OWNER_SWAP}' and (${counted.join(' or ')})`,
    );
    const sums = counted.map(
      (condition, place) => `coalesce(sum(amount) filter (where ${condition}), 0)::text as amount_${place},
        count(*) filter (where ${condition})::text as count_${place}`,
    );
    const [row]: Sums[] = await manager.query(
      `with known as (
         select distinct on (payload_digest) * from (${known.join(' union all ')}) spends
         order by payload_digest, at desc
       )
       select ${sums.join(', ')} from known where ${EVERY_PARAMETER}`,
      [...parameters],
    );
    if (!row) throw new Error('no sums of past spends');
    return velocityBy((subject, window) => {
      const place = reads.findIndex((read) => read.subject === subject && read.window === window);
      if (place < 0) return { amount: 0n, count: 0 };
      return { amount: BigInt(row[`amount_${place}`] ?? ''), count: Number(row[`count_${place}`]) };
    });
  }

  /** Test payments count for ever. */
  private async testPaid(manager: EntityManager, parameters: readonly unknown[]): Promise<boolean> {
    const known = SOURCES.map(
      (source) => `select 1 from ${source} where purpose = 'TEST_PAYMENT' and payload_digest <> $7 and asset = $1
        and ${IS_OF.destination}`,
    );
    const rows: unknown[] = await manager.query(
      `select 1 from (${known.join(' union all ')}) tests where ${EVERY_PARAMETER} limit 1`,
      [...parameters],
    );
    return rows.length > 0;
  }
}

/** True; it tells PostgreSQL of what type each parameter is, also of one that a query does without. */
const EVERY_PARAMETER =
  '($1::text, $2::timestamptz, $3::text, $4::text, $5::text, $6::text, $7::text, $8::jsonb) is not null';

function pendingRow(spend: PastSpend) {
  const { payloadDigest, ...columns } = spendColumns(spend);
  return { payload_digest: payloadDigest, ...columns };
}
