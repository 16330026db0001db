import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { outputKey, type FrostGroup, type FrostKey, type KeyStore, type SessionPlace } from '@bulkhead/keys';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import { DataSource, LessThan, Not } from 'typeorm';
import { Clock } from '../../clock.js';
import { KEY_STORE } from '../../keys/core/wallet-keys.js';
import { SignerIdentity } from '../../signer-identity.js';
import { FrostShareRow } from './frost-share.entity.js';

/** Sessions of one wallet (generation) or of one key and epoch (resharing) that are kept side by side. */
const MOST_SESSIONS = 20;

/** A share that is in use, as it lies in the database. */
export type ShareInUse = Pick<FrostShareRow, 'session' | 'group'>;

/**
 * This signer's shares, sealed by a key that never leaves its token. Each is bound to its group and member, so a row that
 * is put in another's place does not open.
 *
 * What is destroyed, and when: the shares of an epoch once a session of a later one has been confirmed by every member.
 * Each of them has then kept its share of that session, so however sessions are started, crossed and abandoned by whoever
 * carries the messages, there is always one of which all members have the shares.
 */
@Injectable()
export class ShareStore {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    @Inject(KEY_STORE) private readonly token: KeyStore,
    private readonly identity: SignerIdentity,
    private readonly clock: Clock,
  ) {}

  /** Keeps a new share, which is not used before {@link activate}. `mpc.group-exists` when there are too many already. */
  async keep({ group, share }: FrostKey, place: SessionPlace): Promise<Result<true>> {
    const { id: wallet, epoch } = group;
    const rows = this.database.getRepository(FrostShareRow);
    const key = outputKey(group);
    if ((await rows.countBy(epoch === 0 ? { wallet, epoch } : { outputKey: key, epoch })) >= MOST_SESSIONS)
      return refused('mpc.group-exists', 'Too many sessions have been run for this group.', { wallet });
    const made = await this.token.generateSealKey(sealKeyOf(group));
    if (!made.ok) return made;
    const sealed = await this.seal(group, 'share', share);
    if (!sealed.ok) return sealed;
    const at = new Date(this.clock.now());
    const session = place.transcript;
    const row = { session, outputKey: key, epoch, wallet, group, place, sealed: sealed.value, at };
    await rows.insert({ ...row, state: 'PENDING' });
    return accepted(true);
  }

  /** The row of a group, whatever its state. */
  async find(group: FrostGroup): Promise<FrostShareRow | undefined> {
    const where = { outputKey: outputKey(group), epoch: group.epoch };
    const rows = await this.database.getRepository(FrostShareRow).findBy(where);
    return rows.find((row) => canonicalJson(row.group) === canonicalJson(group));
  }

  /** The share of a wallet's key that is in use; `mpc.group-unknown` when this signer has none. */
  async inUse(wallet: string, key: string): Promise<Result<ShareInUse>> {
    const where = { wallet, outputKey: key, state: 'ACTIVE' } as const;
    const row = await this.database.getRepository(FrostShareRow).findOneBy(where);
    return row ? accepted(row) : refused('mpc.group-unknown', 'This signer has no share of this group.', where);
  }

  /** The share itself. Whoever takes it fills it with zeros when done. */
  async unseal({ session, group }: ShareInUse): Promise<Result<FrostKey>> {
    const row = await this.database.getRepository(FrostShareRow).findOneBy({ session });
    if (row?.state !== 'ACTIVE' || row.sealed === null)
      return refused('mpc.group-unknown', 'The share is not in use any more.', { wallet: group.id });
    const share = await this.open(group, 'share', row.sealed);
    return share.ok ? accepted({ group, member: this.identity.id, share: share.value }) : share;
  }

  /**
   * Puts a share into use that every member has confirmed, and destroys what is older: the rows' secrets, those of their
   * nonces, and the keys that sealed them. Repeating it does no harm.
   */
  async activate({ session, outputKey: key, epoch, group }: FrostShareRow): Promise<Result<true>> {
    await this.database.transaction(async (manager) => {
      const others = { outputKey: key, session: Not(session) };
      await manager.update(FrostShareRow, { ...others, state: 'ACTIVE' }, { state: 'PENDING' });
      await manager.update(FrostShareRow, { session }, { state: 'ACTIVE' });
      const older = { outputKey: key, epoch: LessThan(epoch), state: Not('RETIRED' as const) };
      await manager.update(FrostShareRow, older, { state: 'RETIRED', sealed: null });
      await manager.query(
        `update frost_nonces set sealed = null, used_at = $3 where used_at is null
           and session in (select session from frost_share where output_key = $1 and epoch < $2)`,
        [key, epoch, this.clock.now()],
      );
    });
    for (let past = 0; past < epoch; past += 1) {
      const destroyed = await this.token.destroySealKey(sealKeyOf({ ...group, epoch: past }));
      if (!destroyed.ok) return destroyed;
    }
    return accepted(true);
  }

  /** Seals what belongs to a group, for one `purpose`. Base64. */
  async seal(group: FrostGroup, purpose: string, secret: Uint8Array): Promise<Result<string>> {
    const sealed = await this.token.seal(sealKeyOf(group), this.bindingOf(group, purpose), secret);
    return sealed.ok ? accepted(Buffer.from(sealed.value).toString('base64')) : sealed;
  }

  open(group: FrostGroup, purpose: string, sealed: string): Promise<Result<Uint8Array>> {
    return this.token.unseal(sealKeyOf(group), this.bindingOf(group, purpose), Buffer.from(sealed, 'base64'));
  }

  private bindingOf(group: FrostGroup, purpose: string): Uint8Array {
    const { id: member, firm } = this.identity;
    return Buffer.from(canonicalJson({ v: 1, purpose, firm, member, group }), 'utf8');
  }
}

/** One sealing key for each epoch: destroying it destroys every copy of that epoch's secrets, backups included. */
const sealKeyOf = (group: FrostGroup): string => `frost/${outputKey(group)}/${group.epoch}`;
