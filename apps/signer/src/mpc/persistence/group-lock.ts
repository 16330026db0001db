import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { DataSource } from 'typeorm';
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

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly charter: CharterReplica,
    private readonly clock: Clock,
  ) {}

  /** `mpc.group-locked` when the wallet's group is locked, or becomes so now. */
  async check(wallet: string): Promise<Result<true>> {
    const lock = await this.database
      .getRepository(FrostLockRow)
      .findOne({ where: { wallet }, order: { entries: 'DESC' } });
    if (lock && !(await this.isReopened(lock))) return locked(lock);
    if ((await this.failures(wallet, lock)) < MOST_FAILURES) return accepted(true);
    const fresh = { wallet, entries: this.charter.tip.count, at: new Date(this.clock.now()) };
    await this.database.createQueryBuilder().insert().into(FrostLockRow).values(fresh).orIgnore().execute();
    this.logger.error({ msg: 'group locked: shares were given and no signature came of them', wallet });
    return locked(fresh);
  }

  private async isReopened({ wallet, entries }: FrostLockRow): Promise<boolean> {
    const rows: unknown[] = await this.database.query(
      `select 1 from charter_entry where position >= $1
         and entry::json #>> '{intent,act,kind}' = 'unfreeze'
         and entry::json #>> '{intent,act,scope,wallet}' = $2 limit 1`,
      [entries, wallet],
    );
    return rows.length > 0;
  }

  private async failures(wallet: string, lock: FrostLockRow | null): Promise<number> {
    const [row]: { failures: number }[] = await this.database.query(
      `select count(*)::int as failures from frost_nonces
       where wallet = $1 and digests is not null and completed_at is null
         and used_at > greatest($2::timestamptz,
           (select max(used_at) from frost_nonces where wallet = $1 and completed_at is not null))`,
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
