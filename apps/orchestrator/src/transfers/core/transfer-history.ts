import { Injectable } from '@nestjs/common';
import type { CharterState } from '@bulkhead/charter';
import { OWNER_SWAP } from '@bulkhead/intent';
import {
  emptyVelocity,
  EVERY_VELOCITY,
  needsVelocity,
  NO_HISTORY,
  velocityBy,
  velocityRead,
  WINDOWS,
  type CheckedIntent,
  type History,
  type Velocity,
  type VelocityRead,
  type VelocitySubject,
} from '@bulkhead/policy';
import type { EntityManager } from 'typeorm';
import { LIVE_STATES, type TransferState } from './transitions.js';

/** States of money that is promised or gone. What ended unsigned, or failed on the chain, counts no more. */
const COUNTED: readonly TransferState[] = [...LIVE_STATES, 'SETTLED'];
const SIGNED: readonly TransferState[] = ['SIGNED', 'BROADCAST', 'CONFIRMING', 'SETTLED'];

const WAITING = COUNTED.filter((state) => !SIGNED.includes(state));
const IS_OF: Readonly<Record<VelocitySubject, string>> = {
  wallet: 'wallet = $5',
  client: 'owner = $6',
  asset: 'true',
  destination: 'owner = $6 and payee = $7',
  initiator: `intent->>'initiator' = $8`,
};

/** Sum and number of each velocity that is read, by its place, as decimal strings. */
type Sums = Readonly<Record<`${'amount' | 'count'}_${number}`, string>>;

/** What the orchestrator remembers of earlier transfers, for policies that ask. Signers remember for themselves. */
@Injectable()
export class TransferHistory {
  /**
   * To be asked in the transaction that reserves, after the bytes are built: until it ends, nobody else reserves of this
   * asset by what is counted here. A transfer that is not signed yet counts as of now.
   *
   * @param at RFC 3339, the orchestrator's clock.
   */
  async reserving(manager: EntityManager, state: CharterState, checked: CheckedIntent, at: string): Promise<History> {
    if (!needsVelocity(state, checked.owner.id, checked.wallet.id)) return NO_HISTORY;
    await manager.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`velocity:${checked.intent.asset}`]);
    return this.before(manager, state, checked, at);
  }

  /** The same without holding anybody up: for what is reserved already, which is not counted twice. */
  async before(manager: EntityManager, state: CharterState, checked: CheckedIntent, at: string): Promise<History> {
    const needed = needsVelocity(state, checked.owner.id, checked.wallet.id);
    if (!needed) return NO_HISTORY;
    return this.of(manager, checked, at, velocityRead(state, checked.owner.id, checked.wallet.id));
  }

  /** Whether or not a policy asks for it. What is not among `reads` is left at 0. */
  async of(
    manager: EntityManager,
    checked: CheckedIntent,
    at: string,
    reads: readonly VelocityRead[] = EVERY_VELOCITY,
  ): Promise<History> {
    const velocity = reads.length === 0 ? emptyVelocity() : await this.velocity(manager, checked, at, reads);
    return { velocity, testPaid: await this.testPaid(manager, checked) };
  }

  private async velocity(
    manager: EntityManager,
    { intent, owner, wallet, payee }: CheckedIntent,
    at: string,
    reads: readonly VelocityRead[],
  ): Promise<Velocity> {
    const counted = reads.map(
      ({ subject, window }) =>
        (time: 'at' | 'updated_at') =>
          `(${IS_OF[subject]} and ${time} > $2::timestamptz - interval '${WINDOWS[window]} seconds')`,
    );
    const sums = counted.map(
      (isCounted, place) => `coalesce(sum(amount) filter (where ${isCounted('at')}), 0)::text as amount_${place},
        count(*) filter (where ${isCounted('at')})::text as count_${place}`,
    );
    // what was signed in a window was not changed before it; what waits counts as of now
    const [row]: Sums[] = await manager.query(
      `with spend as (
         select wallet, owner, payee, intent, amount,
           coalesce((select max(x.at) from transfer_transition x where x.transfer = t.id and x.to_state = 'SIGNED'), $2) as at
         from transfer t
         where asset = $1 and purpose <> '${OWNER_SWAP}' and state = any($3) and id <> $4
           and (${counted.map((isCounted) => isCounted('updated_at')).join(' or ')}
             or state = any($9) and updated_at > $2::timestamptz - interval '${WINDOWS.month} seconds')
       )
       select ${sums.join(', ')} from spend where ($5::text, $6::text, $7::text, $8::text) is not null`,
      [intent.asset, at, [...COUNTED], intent.id, wallet.id, owner.id, payee, intent.initiator, [...WAITING]],
    );
    if (!row) throw new Error('no sums of past transfers');
    return velocityBy((subject, window) => {
      const place = reads.findIndex((read) => read.subject === subject && read.window === window);
      if (place < 0) return { amount: 0n, count: 0 };
      return { amount: BigInt(row[`amount_${place}`] ?? ''), count: Number(row[`count_${place}`]) };
    });
  }

  private async testPaid(manager: EntityManager, { intent, owner, payee }: CheckedIntent): Promise<boolean> {
    const rows: unknown[] = await manager.query(
      `select 1 from transfer where purpose = 'TEST_PAYMENT' and owner = $1 and payee = $2 and asset = $3
         and state = any($4) and id <> $5 limit 1`,
      [owner.id, payee, intent.asset, [...SIGNED], intent.id],
    );
    return rows.length > 0;
  }
}
