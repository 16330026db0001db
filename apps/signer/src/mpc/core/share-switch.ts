import { Injectable } from '@nestjs/common';
import { shareProofDigest, type CharterState } from '@bulkhead/charter';
import {
  checkAllUsing,
  proveShare,
  sayUsing,
  type FrostGroup,
  type SignedMessage,
  type SwitchedTo,
} from '@bulkhead/keys';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { SignerIdentity } from '../../signer-identity.js';
import { Standing } from '../../signing/core/standing.js';
import { ShareStore } from '../persistence/share-store.js';
import { fingerprintsOf, GroupSessions } from './group-sessions.js';
import { mpcWalletOf } from './reshare-gate.js';

/** A new member's verifying share, and the proof of it that the switch names. */
export interface ProvenShare {
  readonly signer: string;
  readonly publicKey: string;
  readonly proof: string;
}

/**
 * From old members to new ones: prove the new share, use it once the charter says so, and destroy the old one only when all
 * new members use theirs. Each step can be repeated, also after a restart; none takes the carrier's word for anything.
 */
@Injectable()
export class ShareSwitch {
  constructor(
    private readonly identity: SignerIdentity,
    private readonly sessions: GroupSessions,
    private readonly shares: ShareStore,
    private readonly standing: Standing,
  ) {}

  /** The proof that this signer keeps its share of a group, given once all other new members say that they keep theirs. */
  async prove(group: FrostGroup, confirmations: readonly SignedMessage[]): Promise<Result<ProvenShare>> {
    const state = await this.standing.state();
    if (!state.ok) return state;
    const row = await this.shares.find(group);
    if (!row || row.state === 'RETIRED')
      return refused('mpc.group-unknown', 'This signer has no such share.', { wallet: group.id });
    const confirmed = this.sessions.checkConfirmed(state.value, row, confirmations);
    if (!confirmed.ok) return confirmed;
    const resharing = state.value.resharings.get(group.id);
    if (resharing?.permit?.members.join() !== group.members.join() || resharing.permit.threshold !== group.threshold)
      return refused('charter.act-not-allowed', 'No resharing to these members is permitted.', { wallet: group.id });
    const { id: wallet, threshold, members, verifyingShares } = group;
    const keys = members.map((signer, place) => ({ signer, publicKey: verifyingShares[place] ?? '' }));
    const digest = shareProofDigest({ firm: state.value.firm, wallet, permit: resharing.number, threshold, keys });
    const key = await this.shares.keyOf(row);
    if (!key.ok) return key;
    const proof = proveShare(key.value, digest);
    key.value.share.fill(0);
    const signer = this.identity.id;
    return accepted({ signer, publicKey: verifyingShares[members.indexOf(signer)] ?? '', proof });
  }

  /** This signer's word that it signs with its new share. */
  async using(id: string): Promise<Result<SignedMessage>> {
    const found = this.switched(id);
    if (!found.ok) return found;
    const { wallet, to } = found.value;
    const inUse = await this.shares.inUse(wallet);
    return inUse.ok ? accepted(sayUsing(to, this.identity.id, this.sessions.me)) : inUse;
  }

  /** Destroys what the new members' shares have taken the place of. */
  async release(id: string, messages: readonly SignedMessage[]): Promise<Result<true>> {
    const found = this.switched(id);
    if (!found.ok) return found;
    const { state, wallet, to } = found.value;
    const using = checkAllUsing(to, this.identity.id, messages, fingerprintsOf(state));
    if (!using.ok) return using;
    const isMember = to.members.includes(this.identity.id);
    const own = isMember ? await this.shares.inUse(wallet) : accepted(true);
    return own.ok ? this.shares.release(wallet) : own;
  }

  private switched(id: string) {
    const state = this.standing.settled();
    if (!state.ok) return state;
    const wallet = mpcWalletOf(state.value, id);
    if (!wallet.ok) return wallet;
    const to = switchedTo(state.value, id);
    return to.ok ? accepted({ state: state.value, wallet: wallet.value, to: to.value }) : to;
  }
}

/** Where the wallet's shares are since its last resharing; while another is permitted, nothing is settled. */
function switchedTo(state: CharterState, id: string): Result<SwitchedTo> {
  const wallet = mpcWalletOf(state, id);
  if (!wallet.ok) return wallet;
  const resharing = state.resharings.get(id);
  if (!resharing || resharing.permit)
    return refused('charter.act-not-allowed', 'The wallet’s shares have not been switched to other members.', {
      wallet: id,
    });
  const { threshold, keys } = wallet.value;
  const members = keys.map(({ signer }) => signer);
  return accepted({ firm: state.firm, wallet: id, permit: resharing.number, threshold, members });
}
