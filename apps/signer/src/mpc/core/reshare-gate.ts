import { Injectable } from '@nestjs/common';
import {
  activeKey,
  chainOfAct,
  FIRM_CHAIN,
  isGroupOf,
  taprootSpec,
  type CharterState,
  type MpcWallet,
} from '@bulkhead/charter';
import { outputKey, participantsOf, type FrostKey, type SessionTerms } from '@bulkhead/keys';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { meetsEveryQuorum } from '../../peers/core/coverage.js';
import { Peers } from '../../peers/core/peers.js';
import { SignerIdentity } from '../../signer-identity.js';
import { Standing } from '../../signing/core/standing.js';
import { ShareStore } from '../persistence/share-store.js';

export type ReshareTerms = Extract<SessionTerms, { purpose: 'reshare' }>;

/**
 * Whether this signer deals out its share anew, and to whom. Among those who have shares, whenever anybody asks: it changes
 * nothing else. To others, only those whom the charter permits: whoever carries the messages would otherwise have the key
 * dealt to itself.
 */
@Injectable()
export class ReshareGate {
  constructor(
    private readonly charter: CharterReplica,
    private readonly peers: Peers,
    private readonly identity: SignerIdentity,
    private readonly standing: Standing,
    private readonly shares: ShareStore,
  ) {}

  /** To begin a session: the share that this signer deals; undefined for one that only gets a share. */
  async admit(terms: ReshareTerms): Promise<Result<FrostKey | undefined>> {
    const fresh = terms.permit === undefined ? accepted(true) : await this.consult(terms.group);
    if (!fresh.ok) return fresh;
    const allowed = await this.check(terms);
    if (!allowed.ok) return allowed;
    return terms.dealers.includes(this.identity.id) ? this.ownShare(terms) : accepted(undefined);
  }

  /** As the charter stands at this moment here; what was dealt by a permit that came too soon could not be taken back. */
  async check(terms: ReshareTerms): Promise<Result<true>> {
    const state = await this.standing.state();
    if (!state.ok) return state;
    const wallet = mpcWalletOf(state.value, terms.group);
    if (!wallet.ok) return wallet;
    if (!isGroupOf(terms.previous, wallet.value) || !isSound(terms, wallet.value)) return notAllowed(terms);
    const inService = checkInService(state.value, participantsOf(terms), this.identity.id);
    if (!inService.ok) return inService;
    const { permit } = terms;
    const allowed =
      permit === undefined ? await this.checkRefresh(state.value, terms) : checkPermit(state.value, terms, permit);
    return allowed.ok ? checkActive(state.value, wallet.value, terms) : allowed;
  }

  /** The same members and threshold, while no resharing is due: a refresh would destroy what has been dealt for it. */
  private async checkRefresh(state: CharterState, terms: ReshareTerms): Promise<Result<true>> {
    const { members, threshold, previous } = terms;
    if (members.join() !== previous.members.join() || threshold !== previous.threshold) return notAllowed(terms);
    if (state.resharings.get(terms.group)?.permit)
      return refused('mpc.resharing-permitted', 'A resharing is permitted: complete or withdraw it first.', {
        wallet: terms.group,
      });
    const share = await this.ownShare(terms);
    if (share.ok) share.value.share.fill(0);
    return share.ok ? accepted(true) : share;
  }

  private async ownShare(terms: ReshareTerms): Promise<Result<FrostKey>> {
    const state = this.charter.current();
    const wallet = state.ok ? mpcWalletOf(state.value, terms.group) : state;
    const inUse = wallet.ok ? await this.shares.inUse(wallet.value) : wallet;
    if (!inUse.ok) return inUse;
    return canonicalJson(terms.previous) === canonicalJson(inUse.value.group)
      ? this.shares.unseal(inUse.value)
      : notAllowed(terms);
  }

  /** A permit that was withdrawn or replaced is worth nothing, even where nobody brought this signer the entry. */
  private async consult(id: string): Promise<Result<unknown>> {
    const state = this.charter.current();
    const wallet = state.ok ? mpcWalletOf(state.value, id) : state;
    if (!state.ok || !wallet.ok) return wallet;
    const chain = chainOfAct(state.value, { kind: 'mpc-wallet.withdraw', wallet: id });
    const chains = [...new Set([FIRM_CHAIN, chain])];
    return this.peers.consult({ chains, intents: [] }, (signers) => meetsEveryQuorum(wallet.value, signers));
  }
}

export function mpcWalletOf(state: CharterState, id: string): Result<MpcWallet> {
  const wallet = state.wallets.get(id);
  return wallet?.kind === 'taproot-mpc'
    ? accepted(wallet)
    : refused('charter.unknown-wallet', 'No such MPC wallet in the charter.', { wallet: id });
}

function isSound({ dealers, previous }: ReshareTerms, wallet: MpcWallet): boolean {
  return (
    outputKey(previous) === taprootSpec(wallet).outputKey &&
    dealers.every((dealer) => previous.members.includes(dealer)) &&
    dealers.length >= previous.threshold
  );
}

function checkPermit(state: CharterState, terms: ReshareTerms, number: number): Result<true> {
  const resharing = state.resharings.get(terms.group);
  const isPermitted =
    resharing?.number === number &&
    resharing.permit?.threshold === terms.threshold &&
    resharing.permit.members.join() === terms.members.join();
  return isPermitted ? accepted(true) : notAllowed(terms);
}

/** A share that is suspended or retired is neither dealt nor, among the same members, made new. */
function checkActive(state: CharterState, wallet: MpcWallet, { dealers, members, permit }: ReshareTerms): Result<true> {
  const holders = permit === undefined ? [...dealers, ...members] : dealers;
  return holders.map((holder) => activeKey(state, wallet, holder)).find((active) => !active.ok) ?? accepted(true);
}

/** Everybody in a session is a signer in service, this one among them. */
function checkInService({ signers }: CharterState, participants: readonly string[], id: string): Result<true> {
  const out = participants.find((participant) => signers.get(participant)?.retired !== false);
  if (out === undefined && participants.includes(id)) return accepted(true);
  return refused('charter.unknown-signer', 'All who take part are signers in service, this one among them.', {
    signer: out ?? id,
  });
}

const notAllowed = ({ group, previous }: ReshareTerms): Result<never> =>
  refused('charter.act-not-allowed', 'Shares are dealt anew among the members of the charter, or as it permits.', {
    wallet: group,
    epoch: String(previous.epoch),
  });
