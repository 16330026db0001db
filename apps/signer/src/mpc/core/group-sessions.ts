import { readFileSync } from 'node:fs';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { isGroupOf, type CharterState } from '@bulkhead/charter';
import {
  checkConfirmations,
  confirmGroup,
  FrostSession,
  type Fingerprints,
  type FrostGroup,
  type MemberIdentity,
  type SessionTerms,
  type SignedMessage,
} from '@bulkhead/keys';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { readPrivateFile, type SignerConfig } from '../../config.js';
import { SIGNER_CONFIG } from '../../signer-config.js';
import { SignerIdentity } from '../../signer-identity.js';
import { LocalFreeze } from '../../signing/core/local-freeze.js';
import { Standing } from '../../signing/core/standing.js';
import type { FrostShareRow } from '../persistence/frost-share.entity.js';
import { ShareStore } from '../persistence/share-store.js';
import { OpenSessions } from './open-sessions.js';
import { mpcWalletOf, ReshareGate } from './reshare-gate.js';

/** The group whose share is in use, and the confirmations that put it into use. */
export interface HeldGroup {
  readonly group: FrostGroup;
  readonly confirmations: readonly SignedMessage[];
}

/**
 * This signer's part in generating and resharing groups. A session lives in this process only: after a restart, a time-out
 * or a refusal nothing of it can be used, and another one starts from nothing.
 */
@Injectable()
export class GroupSessions {
  private readonly logger = new Logger('mpc');
  private readonly open = new OpenSessions();
  readonly me: MemberIdentity;

  constructor(
    @Inject(SIGNER_CONFIG) { tls }: SignerConfig,
    private readonly identity: SignerIdentity,
    private readonly charter: CharterReplica,
    private readonly shares: ShareStore,
    private readonly gate: ReshareGate,
    private readonly freeze: LocalFreeze,
    private readonly standing: Standing,
  ) {
    this.me = { privateKey: readPrivateFile(tls.keyFile), certificate: readFileSync(tls.certFile, 'utf8') };
  }

  /** Round 1. */
  async announce(terms: SessionTerms): Promise<Result<SignedMessage>> {
    if (!this.open.hasRoom(terms.session))
      return refused('mpc.session-unknown', 'The session was started before, or too many are under way.');
    const state = await this.standing.inService();
    if (!state.ok) return state;
    const allowed =
      terms.purpose === 'generate' ? await this.checkNew(state.value, terms) : await this.gate.admit(terms);
    if (!allowed.ok) return allowed;
    const session = new FrostSession(terms, {
      member: this.identity.id,
      identity: this.me,
      fingerprints: fingerprintsOf(state.value),
      key: allowed.value,
    });
    this.open.begin(terms.session, session);
    return this.during(terms.session, () => session.announce());
  }

  /** Round 2: parts of this signer's share leave it, so it is allowed at this moment too. */
  async deal(session: string, announcements: readonly SignedMessage[]): Promise<Result<readonly SignedMessage[]>> {
    const found = this.find(session);
    if (!found.ok) return found;
    const { terms } = found.value;
    const allowed = terms.purpose === 'reshare' ? await this.gate.check(terms) : this.freeze.check();
    if (!allowed.ok) return this.failed(session, allowed);
    return this.during(session, () => found.value.deal(announcements));
  }

  /** Round 3: the share is sealed and in the database before the confirmation leaves. */
  async confirm(session: string, deals: readonly SignedMessage[]): Promise<Result<readonly SignedMessage[]>> {
    const found = this.find(session);
    if (!found.ok) return found;
    const moving = this.freeze.check();
    if (!moving.ok) return this.failed(session, moving);
    const concluded = found.value.confirm(deals);
    this.open.end(session);
    if (!concluded.ok) return this.failed(session, concluded);
    const { key, message, place } = concluded.value;
    // one that leaves the group deals, and gets nothing
    if (!key || !message) return accepted([]);
    const kept = await this.shares.keep(key, place);
    key.share.fill(0);
    return kept.ok ? accepted([message]) : kept;
  }

  /** The end of generating and refreshing; it can also come after a restart, and more than once. Older shares go with it. */
  async activate(group: FrostGroup, confirmations: readonly SignedMessage[]): Promise<Result<FrostGroup>> {
    const state = this.standing.settled();
    if (!state.ok) return state;
    const row = await this.shares.find(group);
    if (!row || row.state === 'RETIRED')
      return refused('mpc.group-unknown', 'This signer has no such share to put into use.', { wallet: group.id });
    const usable = await this.checkMembers(state.value, group);
    if (!usable.ok) return usable;
    const confirmed = this.checkConfirmed(state.value, row, confirmations);
    if (!confirmed.ok) return confirmed;
    const active = await this.shares.activate(row, confirmations);
    if (!active.ok) return active;
    this.logger.log({ msg: 'share in use', wallet: group.id, outputKey: row.outputKey, epoch: group.epoch });
    return accepted(row.group);
  }

  /** A wallet's group as it is now, and all that its members confirmed of it, this one too: others may have been left behind. */
  async group(wallet: string): Promise<Result<HeldGroup>> {
    const state = this.charter.current();
    if (!state.ok) return state;
    const found = mpcWalletOf(state.value, wallet);
    const inUse = found.ok ? await this.shares.inUse(found.value) : found;
    if (!inUse.ok) return inUse;
    const { group, place, session } = inUse.value;
    const others = await this.shares.confirmations(session);
    const confirmations = others.length === 0 ? [] : [...others, confirmGroup(group, this.identity.id, place, this.me)];
    return accepted({ group, confirmations });
  }

  /** Whether all other members say that they keep their shares of the row's group. */
  checkConfirmed(state: CharterState, row: FrostShareRow, confirmations: readonly SignedMessage[]): Result<true> {
    return checkConfirmations(row.group, this.identity.id, row.place, confirmations, fingerprintsOf(state));
  }

  /** Once the charter has the wallet, it says who its members are: shares of others wait until it names them. */
  private async checkMembers(state: CharterState, group: FrostGroup): Promise<Result<true>> {
    const wallet = state.wallets.get(group.id);
    if (wallet?.kind !== 'taproot-mpc') return accepted(true);
    const inUse = await this.shares.inUse(wallet);
    const named = await this.shares.named(wallet);
    const isNamed = named.ok && canonicalJson(named.value.group) === canonicalJson(group);
    const isLater =
      inUse.ok && group.epoch >= inUse.value.group.epoch && group.epoch > (named.ok ? named.value.epoch : -1);
    return isGroupOf(group, wallet) && (isNamed || isLater)
      ? accepted(true)
      : refused('charter.act-not-allowed', 'Shares of other members are put into use by an act of the charter only.', {
          wallet: group.id,
          epoch: String(group.epoch),
        });
  }

  /** A key holds nothing until a charter entry says so; for a wallet that is there, none is generated. */
  private checkNew(state: CharterState, terms: SessionTerms): Promise<Result<undefined>> {
    const { group: wallet, members } = terms;
    const stranger = members.find((member) => fingerprintsOf(state)(member) === undefined);
    if (stranger !== undefined || !members.includes(this.identity.id))
      return Promise.resolve(
        refused('charter.unknown-signer', 'The members of a group are signers of the charter, this one among them.', {
          signer: stranger ?? this.identity.id,
        }),
      );
    return Promise.resolve(
      state.wallets.has(wallet)
        ? refused('mpc.group-exists', 'The wallet of this name has its key.', { wallet })
        : accepted(undefined),
    );
  }

  private find(session: string): Result<FrostSession> {
    const found = this.open.find(session);
    return found
      ? accepted(found)
      : refused('mpc.session-unknown', 'No such session here: start another one.', { session });
  }

  /** What fails ends the session. */
  private during<T>(session: string, step: () => Result<T>): Result<T> {
    const result = step();
    return result.ok ? result : this.failed(session, result);
  }

  private failed<T extends Result<never>>(session: string, refusal: T): T {
    this.open.end(session);
    if (!refusal.ok) this.logger.warn({ msg: 'session ended', session, ...refusal.refusal });
    return refusal;
  }
}

/** By which certificate the charter knows each signer. */
export const fingerprintsOf =
  (state: CharterState): Fingerprints =>
  (member) =>
    state.signers.get(member)?.tlsFingerprint;
