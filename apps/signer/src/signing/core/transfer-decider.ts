import { Injectable } from '@nestjs/common';
import { activeKey, clientChain, FIRM_CHAIN, type CharterState } from '@bulkhead/charter';
import { accepted, intentDigest, OWNER_SWAP, payloadDigest, type Result } from '@bulkhead/intent';
import { needsVelocity, NO_HISTORY, velocityRead, type PastSpend, type TransferRequest } from '@bulkhead/policy';
import type { EntityManager } from 'typeorm';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { OwnKeys } from '../../charter/core/own-keys.js';
import { Objections } from '../../objections/core/objections.js';
import { meetsEveryQuorum, meetsEveryQuorumOf } from '../../peers/core/coverage.js';
import { spendOfTentative } from '../../peers/core/exchange.js';
import { Peers } from '../../peers/core/peers.js';
import { SignerIdentity } from '../../signer-identity.js';
import { Turn } from '../../turn.js';
import { SigningRecords, type Concluded } from '../persistence/signing-records.js';
import { SpendHistory } from '../persistence/spend-history.js';
import { Tentatives } from '../persistence/tentatives.js';
import {
  contended,
  digestsToSign,
  ofScheme,
  spendOf,
  transferOrder,
  type Scheme,
  type SigningOrder,
} from './signing-order.js';
import { Standing } from './standing.js';

/** A request on its way: what the others are told of it, and how. */
interface Open {
  readonly request: TransferRequest;
  readonly scheme: Scheme;
  readonly spend: PastSpend;
  /** Of the tentative that the others can see; none for an owner swap, which counts against no limit. */
  readonly id: string | undefined;
  /** Nothing else that counts against a limit is decided here meanwhile. */
  readonly isAlone: boolean;
}

/**
 * May these bytes be signed? Write, then read: what is being decided on is there for the others to see before they are
 * asked what they have agreed to and are deciding on. docs/decisions/0023 says why no limit can be passed so.
 */
@Injectable()
export class TransferDecider {
  private readonly counting = new Turn();

  constructor(
    private readonly charter: CharterReplica,
    private readonly ownKeys: OwnKeys,
    private readonly standing: Standing,
    private readonly tentatives: Tentatives,
    private readonly peers: Peers,
    private readonly objections: Objections,
    private readonly history: SpendHistory,
    private readonly records: SigningRecords,
    private readonly identity: SignerIdentity,
  ) {}

  async digestsOf(request: TransferRequest): Promise<Result<Pick<SigningOrder, 'wallet' | 'digests'>>> {
    const { state } = await this.moment(request);
    return state.ok ? digestsToSign(state.value, request) : state;
  }

  async decide(request: TransferRequest, scheme: Scheme): Promise<Concluded> {
    const first = await this.look(request);
    const lags = !first.spend.ok && first.spend.refusal.code === 'charter.behind';
    // what it lacks, others may have
    if (lags) await this.peers.consult({ chains: chainsOf(request), intents: [] }, () => true);
    const { question, state, spend } = lags ? await this.look(request) : first;
    if (!state.ok) return this.records.refuse(question, state.refusal);
    if (!spend.ok) return this.records.refuse(question, spend.refusal);
    const isAlone = counts(state.value, spend.value);
    const decided = () => this.inTheOpen(request, scheme, spend.value, isAlone);
    return isAlone ? this.counting.take(decided) : decided();
  }

  /** What can be decided before the others are asked. */
  private async look(request: TransferRequest) {
    const { question, state } = await this.moment(request);
    return { question, state, spend: state.ok ? spendOf(state.value, request, question.at) : state };
  }

  private async inTheOpen(
    request: TransferRequest,
    scheme: Scheme,
    spend: PastSpend,
    isAlone: boolean,
  ): Promise<Concluded> {
    if (spend.purpose === OWNER_SWAP) return this.consulted({ request, scheme, spend, id: undefined, isAlone });
    const id = await this.tentatives.open(spend);
    try {
      return await this.consulted({ request, scheme, spend, id, isAlone });
    } finally {
      await this.tentatives.drop(id);
    }
  }

  private async consulted(open: Open): Promise<Concluded> {
    const { request, spend } = open;
    const intents = intentsOf(request);
    const heard = await this.peers.consult({ chains: chainsOf(request), intents }, (signers) =>
      this.suffice(spend, signers),
    );
    const { question, state } = await this.moment(request);
    if (!heard.ok) return this.records.refuse(question, heard.refusal);
    if (!state.ok) return this.records.refuse(question, state.refusal);
    const wallet = state.value.wallets.get(spend.wallet);
    // of a key that was destroyed, or is not in use, the order says so
    const isActive = wallet && activeKey(state.value, wallet, this.identity.id).ok;
    const own = isActive ? await this.ownKeys.check(wallet) : accepted(true);
    if (!own.ok) return this.records.refuse(question, own.refusal);
    const pending = heard.value
      .map(spendOfTentative)
      .filter(({ payloadDigest }) => payloadDigest !== spend.payloadDigest);
    return this.records.commit(question, (manager) => this.order(manager, state.value, open, pending));
  }

  /** One at least of every quorum that could have agreed to what counts. */
  private suffice(spend: PastSpend, signers: ReadonlySet<string>): boolean {
    const state = this.charter.current();
    if (!state.ok) return false;
    const wallet = state.value.wallets.get(spend.wallet);
    if (!wallet) return false;
    return counts(state.value, spend)
      ? meetsEveryQuorumOf(state.value, wallet.chain, signers, spend.at)
      : meetsEveryQuorum(wallet, signers);
  }

  private async order(
    manager: EntityManager,
    state: CharterState,
    { request: asked, scheme, spend, id, isAlone }: Open,
    pending: readonly PastSpend[],
  ): Promise<Result<SigningOrder>> {
    const isSeen = id === undefined || (await this.tentatives.close(manager, id));
    // what came while this waited for its turn: an entry, a freeze perhaps, or a member's no
    if (!this.charter.isStill(state)) return contended;
    const heeded = await this.objections.heed(asked, intentsOf(asked));
    if (!heeded.ok) return heeded;
    const request = heeded.value;
    if (!isSeen || (counts(state, spend) && !isAlone)) return contended;
    const given = async (others: readonly PastSpend[]): Promise<Result<SigningOrder>> => {
      const reads = velocityRead(state, spend.owner, spend.wallet);
      const history = isAlone ? await this.history.before(manager, reads, spend, others) : NO_HISTORY;
      return ofScheme(scheme, transferOrder(state, this.identity.id, request, spend, history));
    };
    const order = await given(pending);
    if (order.ok || pending.length === 0 || !isAlone) return order;
    // what others are only deciding on may yet come to nothing: then there is room
    return (await given([])).ok ? contended : order;
  }

  private async moment(request: TransferRequest) {
    const { at, heads, state } = await this.standing.now(chainsOf(request));
    const digests = { intentDigest: intentDigest(request.intent), payloadDigest: payloadDigest(request.payload) };
    return { question: { kind: 'transfer' as const, subject: request.intent.wallet, ...digests, at, heads }, state };
  }
}

const chainsOf = ({ intent }: TransferRequest) => [FIRM_CHAIN, clientChain(intent.owner)];

/** The one to be signed, and the one that it replaces: what members have said against either matters. */
const intentsOf = ({ intent }: TransferRequest) => [
  intentDigest(intent),
  ...(intent.replaces === undefined ? [] : [intent.replaces]),
];

const counts = (state: CharterState, { owner, purpose, wallet }: PastSpend): boolean =>
  purpose !== OWNER_SWAP && needsVelocity(state, owner, wallet);
