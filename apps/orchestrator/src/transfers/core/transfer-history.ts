import { Injectable } from '@nestjs/common';
import type { CharterState } from '@bulkhead/charter';
import { OWNER_SWAP } from '@bulkhead/intent';
import {
  needsVelocity,
  NO_HISTORY,
  velocityBy,
  WINDOWS,
  type CheckedIntent,
  type History,
  type VelocitySubject,
  type Window,
} from '@bulkhead/policy';
import type { EntityManager } from 'typeorm';
import { LIVE_STATES, type TransferState } from './transitions.js';

/** States of money that is promised or gone. What ended unsigned, or failed on the chain, counts no more. */
const COUNTED: readonly TransferState[] = [...LIVE_STATES, 'SETTLED'];
const SIGNED: readonly TransferState[] = ['SIGNED', 'BROADCAST', 'CONFIRMING', 'SETTLED'];

/** One row for each window: sum and number of each subject, as decimal strings. */
type Row = { readonly window: Window } & Readonly<Record<`${VelocitySubject}_${'amount' | 'count'}`, string>>;

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
    return needed ? this.of(manager, checked, at) : NO_HISTORY;
  }

  /** Whether or not a policy asks for it. */
  async of(manager: EntityManager, checked: CheckedIntent, at: string): Promise<History> {
    const { intent, owner, wallet, payee } = checked;
    const rows: Row[] = await manager.query(
      `with spend as (
         select t.wallet, t.owner, t.payee, t.intent->>'initiator' as initiator, t.amount,
           coalesce((select max(x.at) from transfer_transition x where x.transfer = t.id and x.to_state = 'SIGNED'), $2) as at
         from transfer t
         where t.asset = $1 and t.purpose <> $11 and t.state = any($3) and t.id <> $4 and t.updated_at > $2::timestamptz - make_interval(secs => $9)
       )
       select w.name as "window",
         coalesce(sum(amount) filter (where wallet = $5), 0)::text as wallet_amount,
         count(amount) filter (where wallet = $5)::text as wallet_count,
         coalesce(sum(amount) filter (where owner = $6), 0)::text as client_amount,
         count(amount) filter (where owner = $6)::text as client_count,
         coalesce(sum(amount), 0)::text as asset_amount,
         count(amount)::text as asset_count,
         coalesce(sum(amount) filter (where owner = $6 and payee = $7), 0)::text as destination_amount,
         count(amount) filter (where owner = $6 and payee = $7)::text as destination_count,
         coalesce(sum(amount) filter (where initiator = $8), 0)::text as initiator_amount,
         count(amount) filter (where initiator = $8)::text as initiator_count
       from jsonb_each_text($10::jsonb) as w(name, seconds)
         left join spend on spend.at > $2::timestamptz - make_interval(secs => w.seconds::int)
       group by w.name`,
      [
        intent.asset,
        at,
        [...COUNTED],
        intent.id,
        wallet.id,
        owner.id,
        payee,
        intent.initiator,
        WINDOWS.month,
        JSON.stringify(WINDOWS),
        OWNER_SWAP,
      ],
    );
    const byWindow = new Map(rows.map((row) => [row.window, row]));
    const velocity = velocityBy((subject, window) => {
      const row = byWindow.get(window);
      if (!row) throw new Error(`no sums for the window ${window}`);
      return { amount: BigInt(row[`${subject}_amount`]), count: Number(row[`${subject}_count`]) };
    });
    return { velocity, testPaid: await this.testPaid(manager, checked) };
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
