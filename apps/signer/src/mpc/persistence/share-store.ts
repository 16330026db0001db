import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { isGroupOf, taprootSpec, type MpcWallet } from '@bulkhead/charter';
import {
  frostBinding,
  frostSealKey,
  outputKey,
  sealKeyOf,
  writeSealedShare,
  type FrostGroup,
  type FrostKey,
  type KeyStore,
  type SessionPlace,
  type SignedMessage,
} from '@bulkhead/keys';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import { DataSource, LessThan, Not, type EntityManager } from 'typeorm';
import { Clock } from '../../clock.js';
import { KEY_STORE } from '../../keys/core/wallet-keys.js';
import { SignerIdentity } from '../../signer-identity.js';
import { FrostConfirmationRow } from './frost-confirmation.entity.js';
import { FrostShareRow } from './frost-share.entity.js';

/** Sessions of one wallet (generation) or of one key and epoch (resharing) that are kept side by side. */
const MOST_SESSIONS = 20;

/** That there is a share, and where. */
export interface HeldShare {
  readonly wallet: string;
  readonly outputKey: string;
  readonly sealKey: string;
  readonly members: readonly string[];
  readonly isInUse: boolean;
  readonly at: Date;
}

/** A share that is in use, as it lies in the database. */
export type ShareInUse = Pick<FrostShareRow, 'session' | 'group' | 'place'>;

/**
 * This signer's shares, sealed by a key that never leaves its token. Each is bound to its group and member, so a row that
 * is put in another's place does not open.
 *
 * What is destroyed, and when: the shares of an epoch once a session of a later one has been confirmed by every member.
 * Each of them has then kept its share of that session, so however sessions are started, crossed and abandoned by whoever
 * carries the messages, there is always one of which all members have the shares. Which members these are is the charter's
 * to say: shares of others are not used, whatever this table says, and are destroyed once all new members use theirs.
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
    const alike = epoch === 0 ? { wallet, epoch } : { outputKey: key, epoch };
    if ((await rows.countBy({ ...alike, state: Not('RETIRED' as const) })) >= MOST_SESSIONS)
      return refused('mpc.group-exists', 'Too many sessions have been run for this group.', { wallet });
    const made = await this.token.generateSealKey(sealKeyOf(group));
    if (!made.ok) return made;
    const sealed = await this.seal(group, 'share', share);
    if (!sealed.ok) return sealed;
    const at = new Date(this.clock.now());
    const session = place.transcript;
    const row = { session, outputKey: key, epoch, wallet, group, place, sealed: sealed.value, at };
    // first, so that nothing lies in the token that this signer knows nothing of
    await rows.insert({ ...row, state: 'PENDING' });
    const { id: member, firm } = this.identity;
    const copy = writeSealedShare({ firm, member, group, sealed: sealed.value });
    // with its token alone a share can be used again, should this database be lost
    const beside = await this.token.keepSealed(sealKeyOf(group), copy);
    if (!beside.ok) return beside;
    return accepted(true);
  }

  /** The row of a group, whatever its state. */
  async find(group: FrostGroup): Promise<FrostShareRow | undefined> {
    const where = { outputKey: outputKey(group), epoch: group.epoch };
    const rows = await this.database.getRepository(FrostShareRow).findBy(where);
    return rows.find((row) => canonicalJson(row.group) === canonicalJson(group));
  }

  /** The share of a wallet's key that is in use; `mpc.group-unknown` when this signer has none that the charter asks for. */
  async inUse(wallet: MpcWallet): Promise<Result<ShareInUse>> {
    const row = (await this.active(wallet)) ?? (await this.follow(wallet).then(() => this.active(wallet)));
    return row
      ? accepted(row)
      : refused('mpc.group-unknown', 'This signer has no share of this group.', { wallet: wallet.id });
  }

  private async active(wallet: MpcWallet): Promise<FrostShareRow | undefined> {
    const rows = await this.rowsOf(wallet);
    const row = rows.find(({ state, group }) => state === 'ACTIVE' && isGroupOf(group, wallet));
    // the same members may have had shares before others did
    const named = rows.find(({ group }) => isExactly(group, wallet));
    return row && row.epoch >= (named?.epoch ?? 0) ? row : undefined;
  }

  private rowsOf(wallet: MpcWallet): Promise<FrostShareRow[]> {
    const where = { wallet: wallet.id, outputKey: taprootSpec(wallet).outputKey, state: Not('RETIRED' as const) };
    return this.database.getRepository(FrostShareRow).findBy(where);
  }

  /** The share of exactly the group that the wallet names, used or not; `mpc.group-unknown` when it is not here or gone. */
  async named(wallet: MpcWallet): Promise<Result<FrostShareRow>> {
    const row = (await this.rowsOf(wallet)).find(({ group }) => isExactly(group, wallet));
    return row
      ? accepted(row)
      : refused('mpc.group-unknown', 'This signer has no share of the group that is named.', { wallet: wallet.id });
  }

  /**
   * Whether this signer was dealt a share of exactly the group that the wallet names, and holds that share or what a
   * refresh made of it.
   */
  async holds(wallet: MpcWallet): Promise<boolean> {
    const where = { wallet: wallet.id, outputKey: taprootSpec(wallet).outputKey };
    const rows = await this.database.getRepository(FrostShareRow).findBy(where);
    return rows.some(({ group }) => isExactly(group, wallet)) && rows.some(({ state }) => state !== 'RETIRED');
  }

  /** The share of a row, in use or not. Whoever takes it fills it with zeros when done. */
  async keyOf({ group, sealed }: FrostShareRow): Promise<Result<FrostKey>> {
    const share = await this.open(group, 'share', sealed ?? '');
    return share.ok ? accepted({ group, member: this.identity.id, share: share.value }) : share;
  }

  /**
   * After a switch: puts the share into use that the charter names, in place of one of the members before. Nothing is
   * destroyed. It is done when the share is asked for, so that a signer that is killed in between does it then.
   */
  private async follow(wallet: MpcWallet): Promise<void> {
    const named = await this.named(wallet);
    if (!named.ok) return;
    const { session, outputKey: key } = named.value;
    await this.database.transaction(async (manager) => {
      await manager.update(FrostShareRow, { outputKey: key, state: 'ACTIVE' }, { state: 'PENDING' });
      await manager.update(FrostShareRow, { session }, { state: 'ACTIVE' });
    });
  }

  /** Destroys all shares of the wallet's key that are of other members than the charter's, or older than the one in use. */
  async release(wallet: MpcWallet): Promise<Result<true>> {
    const key = taprootSpec(wallet).outputKey;
    const inUse = await this.inUse(wallet);
    const rows = await this.database.getRepository(FrostShareRow).findBy({ outputKey: key });
    const epochs = rows.map(({ epoch }) => epoch);
    const oldest = inUse.ok ? inUse.value.group.epoch : Math.max(0, ...epochs.map((epoch) => epoch + 1));
    const gone = rows.filter(({ epoch, group }) => epoch < oldest || !isGroupOf(group, wallet));
    await this.database.transaction(async (manager) => {
      for (const { session, state } of gone)
        if (state !== 'RETIRED') await manager.update(FrostShareRow, { session }, { state: 'RETIRED', sealed: null });
      await this.destroyNonces(manager, gone);
    });
    return this.destroySealKeys(key, oldest);
  }

  /** The share itself. Whoever takes it fills it with zeros when done. */
  async unseal({ session, group }: ShareInUse): Promise<Result<FrostKey>> {
    const row = await this.database.getRepository(FrostShareRow).findOneBy({ session });
    return row?.state === 'ACTIVE'
      ? this.keyOf(row)
      : refused('mpc.group-unknown', 'The share is not in use any more.', { wallet: group.id });
  }

  /**
   * Puts a share into use that every member has confirmed, and destroys what is older: the rows' secrets, those of their
   * nonces, and the keys that sealed them. Repeating it does no harm. What was confirmed is kept: as long as one member uses
   * the share, those that were not reached can be brought to theirs.
   */
  async activate(
    { session, outputKey: key, epoch }: FrostShareRow,
    messages: readonly SignedMessage[],
  ): Promise<Result<true>> {
    await this.database.transaction(async (manager) => {
      const kept = { session, messages };
      await manager.createQueryBuilder().insert().into(FrostConfirmationRow).values(kept).orIgnore().execute();
      const others = { outputKey: key, session: Not(session) };
      await manager.update(FrostShareRow, { ...others, state: 'ACTIVE' }, { state: 'PENDING' });
      await manager.update(FrostShareRow, { session }, { state: 'ACTIVE' });
      const older = await manager.findBy(FrostShareRow, { outputKey: key, epoch: LessThan(epoch) });
      const live = { outputKey: key, epoch: LessThan(epoch), state: Not('RETIRED' as const) };
      await manager.update(FrostShareRow, live, { state: 'RETIRED', sealed: null });
      await this.destroyNonces(manager, older);
    });
    return this.destroySealKeys(key, epoch);
  }

  /** What the other members confirmed when a share was put into use; none where it was the charter that named it. */
  async confirmations(session: string): Promise<readonly SignedMessage[]> {
    const row = await this.database.getRepository(FrostConfirmationRow).findOneBy({ session });
    return row?.messages ?? [];
  }

  private async destroyNonces(manager: EntityManager, shares: readonly FrostShareRow[]): Promise<void> {
    await manager.query(
      `update frost_nonces set sealed = null, used_at = $2 where used_at is null and session = any($1)`,
      [shares.map(({ session }) => session), this.clock.now()],
    );
  }

  private async destroySealKeys(key: string, before: number): Promise<Result<true>> {
    for (let epoch = 0; epoch < before; epoch += 1) {
      const destroyed = await this.token.destroySealKey(frostSealKey(key, epoch));
      if (!destroyed.ok) return destroyed;
    }
    return accepted(true);
  }

  /** The shares that this signer has or had of wallets' keys, and the label of what seals each; nothing secret. */
  async held(): Promise<readonly HeldShare[]> {
    const rows = await this.database.getRepository(FrostShareRow).findBy({ state: Not('RETIRED' as const) });
    return rows.map(({ wallet, outputKey: key, group, state, at }) => ({
      wallet,
      outputKey: key,
      sealKey: sealKeyOf(group),
      members: group.members,
      isInUse: state === 'ACTIVE',
      at,
    }));
  }

  /** Ends this signer's part in a key for good: every share of it, every nonce, and what sealed them. Repeatable. */
  async destroy(wallet: string, key: string): Promise<Result<true>> {
    const rows = this.database.getRepository(FrostShareRow);
    const shares = await rows.findBy({ wallet, outputKey: key });
    for (const label of new Set(shares.map(({ group }) => sealKeyOf(group)))) {
      const destroyed = await this.token.destroySealKey(label);
      if (!destroyed.ok) return destroyed;
    }
    await rows.update({ wallet, outputKey: key, state: Not('RETIRED' as const) }, { state: 'RETIRED', sealed: null });
    await this.database.query(
      `update frost_nonces set sealed = null, used_at = $2 where used_at is null
         and session in (select session from frost_share where output_key = $1)`,
      [key, this.clock.now()],
    );
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
    return frostBinding(purpose, firm, member, group);
  }
}

const isExactly = (group: FrostGroup, wallet: MpcWallet): boolean =>
  isGroupOf(group, wallet) && group.verifyingShares.join() === wallet.keys.map((key) => key.publicKey).join();
