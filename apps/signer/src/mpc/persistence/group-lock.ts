import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { DataSource, type EntityManager } from 'typeorm';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { Clock } from '../../clock.js';
import { FrostLockRow } from './frost-lock.entity.js';

/** Signings in a row that this signer gave shares for and saw no signature of. */
const MOST_FAILURES = 5;

/**
 * Whoever can make signers give shares again and again without a signature coming of it is trying something. The group is
 * then locked, until the firm's quorum has looked at it: it says so by an unfreeze of the wallet, enacted afterwards.
 */
@Injectable()
export class GroupLock {
  private readonly logger = new Logger('mpc');
  /** By wallet: its last lock that was seen to be reopened, which no later entry undoes. */
  private readonly reopened = new Map<string, number>();

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly charter: CharterReplica,
    private readonly clock: Clock,
  ) {}

  /** `mpc.group-locked` when the wallet's group is locked, or becomes so now. */
  async check(wallet: string, manager = this.database.manager): Promise<Result<true>> {
    const lock = await manager.getRepository(FrostLockRow).findOne({ where: { wallet }, order: { entries: 'DESC' } });
    if (lock && !(await this.isReopened(lock, manager))) return locked(lock);
    if ((await this.failures(wallet, lock, manager)) < MOST_FAILURES) return accepted(true);
    const fresh = { wallet, entries: this.charter.tip.count, at: new Date(this.clock.now()) };
    await manager.createQueryBuilder().insert().into(FrostLockRow).values(fresh).orIgnore().execute();
    this.logger.error({ msg: 'group locked: shares were given and no signature came of them', wallet });
    return locked(fresh);
  }

  /**
   * The same, and what comes of `take` in the same transaction, one at a time for each wallet: however many signings are
   * carried on at once, no more shares are given than one after the other.
   */
  whileOpen<T>(wallet: string, take: (manager: EntityManager) => Promise<Result<T>>): Promise<Result<T>> {
    return this.database.transaction(async (manager) => {
      await manager.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`frost:${wallet}`]);
      const open = await this.check(wallet, manager);
      return open.ok ? take(manager) : open;
    });
  }

  /** Whether an unfreeze that was decided after the lock is in force, be it after its delay or in an emergency. */
  private async isReopened({ wallet, entries }: FrostLockRow, manager: EntityManager): Promise<boolean> {
    if (this.reopened.get(wallet) === entries) return true;
    // an entry is in the log before it is in the state: no later ones than the state knows
    const [state, known] = [this.charter.current(), this.charter.tip.count];
    // what break-glass brings is the act in its act
    const decided: { intent: string }[] = await manager.query(
      `with later as (
         select entry::json #>> '{intent,id}' as intent, entry::json #> '{intent,act}' as act
         from charter_entry where position >= $1 and position < $3
       )
       select intent from later
       where coalesce(act -> 'act', act) ->> 'kind' = 'unfreeze'
         and coalesce(act -> 'act', act) #>> '{scope,wallet}' = $2
         and not exists (
           select 1 from later as veto where veto.act ->> 'kind' = 'pending.veto' and veto.act ->> 'intent' = later.intent
         )`,
      [entries, wallet, known],
    );
    const isReopened = state.ok && decided.some(({ intent }) => !state.value.pending.has(intent));
    if (isReopened) this.reopened.set(wallet, entries);
    return isReopened;
  }

  private async failures(wallet: string, lock: FrostLockRow | null, manager: EntityManager): Promise<number> {
    const [row]: { failures: number }[] = await manager.query(
      `select count(*)::int as failures from frost_nonces
       where wallet = $1 and given_at is not null and completed_at is null
         and given_at > greatest($2::timestamptz,
           (select max(given_at) from frost_nonces where wallet = $1 and completed_at is not null))`,
      [wallet, lock?.at ?? new Date(0)],
    );
    return row?.failures ?? 0;
  }
}

const locked = ({ wallet, entries }: FrostLockRow): Result<never> =>
  refused(
    'mpc.group-locked',
    'Shares were given again and again and no signature came of them: freeze the wallet, look, and unfreeze it.',
    { wallet, entries: String(entries) },
  );
