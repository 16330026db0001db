import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { InputDigest } from '@bulkhead/keys';
import { accepted, refused, type Digest, type Result } from '@bulkhead/intent';
import { DataSource, IsNull, LessThan } from 'typeorm';
import { Clock } from '../../clock.js';
import { FrostNoncesRow } from './frost-nonces.entity.js';
import { GroupLock } from './group-lock.js';
import { ShareStore, type ShareInUse } from './share-store.js';

/** Open nonces of one wallet: what a carrier may ask for without using it. */
const MOST_OPEN = 100;
/** Nonces that were not used by then are destroyed: that signing was given up. */
const MOST_AGE_MS = 600_000;

/** Nonces, sealed by the token. Using them destroys them, in the database, before anything is made of them. */
@Injectable()
export class NonceStore {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly shares: ShareStore,
    private readonly lock: GroupLock,
    private readonly clock: Clock,
  ) {}

  /** Keeps new nonces for one payload, under a name that nobody could have chosen. */
  async keep(share: ShareInUse, payloadDigest: Digest, secret: Uint8Array): Promise<Result<string>> {
    const { group, session } = share;
    const rows = this.database.getRepository(FrostNoncesRow);
    await this.destroyOld(group.id);
    if ((await rows.countBy({ wallet: group.id, usedAt: IsNull() })) >= MOST_OPEN)
      return refused('keys.busy', 'Too many signings of this group were begun and not carried on.', {
        wallet: group.id,
      });
    const id = randomBytes(32).toString('hex');
    const sealed = await this.shares.seal(group, `nonces/${id}/${payloadDigest}`, secret);
    if (!sealed.ok) return sealed;
    const at = new Date(this.clock.now());
    await rows.insert({ id, wallet: group.id, session, payloadDigest, sealed: sealed.value, at });
    return accepted(id);
  }

  /**
   * The nonces, for this one time: once this has answered, no other answer holds them, from this process or any other that
   * has this database. `mpc.nonces-used` when they were used, or are of another share or payload.
   */
  async use(
    id: string,
    { group, session }: ShareInUse,
    payloadDigest: Digest,
    digests: readonly InputDigest[],
  ): Promise<Result<Uint8Array>> {
    const rows = this.database.getRepository(FrostNoncesRow);
    const row = await rows.findOneBy({ id, session, payloadDigest, usedAt: IsNull() });
    if (row?.sealed == null) return used(id);
    const secret = await this.shares.open(group, `nonces/${id}/${payloadDigest}`, row.sealed);
    if (!secret.ok) return secret;
    const usedFor = digests.map(({ inputIndex, digest }) => ({
      inputIndex,
      digest: Buffer.from(digest).toString('hex'),
    }));
    const use = { sealed: null, usedAt: new Date(this.clock.now()), digests: usedFor };
    const { affected } = await rows.update({ id, usedAt: IsNull() }, use);
    if (affected === 1) return secret;
    secret.value.fill(0);
    return used(id);
  }

  /** That a share of used nonces leaves now; `mpc.group-locked` when too many before it came to nothing. */
  give(wallet: string, id: string): Promise<Result<true>> {
    return this.lock.whileOpen(wallet, async (manager) => {
      const givenAt = new Date(this.clock.now());
      const { affected } = await manager.update(FrostNoncesRow, { id, wallet, givenAt: IsNull() }, { givenAt });
      return affected === 1 ? accepted(true) : used(id);
    });
  }

  private async destroyOld(wallet: string): Promise<void> {
    const at = LessThan(new Date(this.clock.at(-MOST_AGE_MS)));
    const usedAt = new Date(this.clock.now());
    await this.database
      .getRepository(FrostNoncesRow)
      .update({ wallet, at, usedAt: IsNull() }, { sealed: null, usedAt });
  }

  /** What nonces were used for; `mpc.nonces-used` when they were not. */
  async usedFor(wallet: string, id: string): Promise<Result<readonly InputDigest[]>> {
    const row = await this.database.getRepository(FrostNoncesRow).findOneBy({ id, wallet });
    if (!row?.digests) return used(id);
    return accepted(row.digests.map(({ inputIndex, digest }) => ({ inputIndex, digest: Buffer.from(digest, 'hex') })));
  }

  async complete(id: string): Promise<void> {
    const completedAt = new Date(this.clock.now());
    await this.database.getRepository(FrostNoncesRow).update({ id, completedAt: IsNull() }, { completedAt });
  }
}

const used = (id: string): Result<never> =>
  refused('mpc.nonces-used', 'These nonces were used, or are not for this: begin the signing again.', { id });
