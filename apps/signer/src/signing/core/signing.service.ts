import { Injectable, Logger } from '@nestjs/common';
import { clientChain, FIRM_CHAIN, type CharterState, type Head } from '@bulkhead/charter';
import { verifyLowS } from '@bulkhead/keys';
import {
  accepted,
  intentDigest,
  payloadDigest,
  refused,
  type Digest,
  type Refusal,
  type Result,
} from '@bulkhead/intent';
import { gasPayloadDigest, type GasRequest, type SignedDecision, type TransferRequest } from '@bulkhead/policy';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { Clock } from '../../clock.js';
import { WalletKeys } from '../../keys/core/wallet-keys.js';
import { SignerIdentity } from '../../signer-identity.js';
import { TokenMemory } from '../../token-memory/core/token-memory.js';
import type { Question } from '../persistence/decision-log.js';
import { SigningRecords } from '../persistence/signing-records.js';
import type { ReleasedSignature } from '../persistence/signature.entity.js';
import { DecisionSeal } from './decision-seal.js';
import { LocalFreeze } from './local-freeze.js';
import { gasOrder, transferOrder, type Scheme, type SigningOrder } from './signing-order.js';

export interface SignedAnswer {
  readonly signer: string;
  readonly wallet: string;
  readonly payloadDigest: Digest;
  readonly signatures: readonly ReleasedSignature[];
  readonly decision: SignedDecision;
}

/** What was done with what may be signed, once that was recorded. */
export interface Decided<T> extends Omit<SignedAnswer, 'signatures'> {
  readonly outcome: T;
}

/** A refusal that this signer has decided comes with its record; one of a broken part does not. */
type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal; readonly decision?: SignedDecision };
export type SigningAnswer = Answer<SignedAnswer>;
export type DecidedAnswer<T> = Answer<Decided<T>>;

/** Does with an order what its scheme asks for; `released` are the signatures that were given for it before. */
type Act<T> = (order: SigningOrder, released: readonly ReleasedSignature[] | undefined) => Promise<Result<T>>;

/** Decides by itself, records, and only then signs. A refusal is recorded too. */
@Injectable()
export class SigningService {
  private readonly logger = new Logger('signing');

  constructor(
    private readonly charter: CharterReplica,
    private readonly keys: WalletKeys,
    private readonly records: SigningRecords,
    private readonly identity: SignerIdentity,
    private readonly clock: Clock,
    private readonly memory: TokenMemory,
    private readonly freeze: LocalFreeze,
    private readonly seal: DecisionSeal,
  ) {}

  async signTransfer(request: TransferRequest): Promise<SigningAnswer> {
    const question = this.transferQuestion(request);
    const order = ofScheme('ecdsa', this.orderOf(request));
    return signed(await this.answer(question, order, (granted, released) => this.sign(question, granted, released)));
  }

  /**
   * Decides and records as for a signature, then does `act` with what may be signed: a round of signing with an MPC group.
   * It may be done several times for one payload.
   */
  actOnTransfer<T>(
    request: TransferRequest,
    scheme: Scheme,
    act: (order: SigningOrder) => Promise<Result<T>>,
  ): Promise<DecidedAnswer<T>> {
    return this.answer(this.transferQuestion(request), ofScheme(scheme, this.orderOf(request)), act);
  }

  /** What would be signed now. Nothing is recorded, so nothing may come of it. */
  orderOf(request: TransferRequest): Result<SigningOrder> {
    const { at, state } = this.now();
    return state.ok ? transferOrder(state.value, this.identity.id, request, at) : state;
  }

  private transferQuestion({ intent, payload }: TransferRequest): Question {
    const { at, state } = this.now();
    return {
      kind: 'transfer',
      subject: intent.wallet,
      intentDigest: intentDigest(intent),
      payloadDigest: payloadDigest(payload),
      at,
      heads: headsOf(state, [FIRM_CHAIN, clientChain(intent.owner)]),
    };
  }

  async signGas(request: GasRequest): Promise<SigningAnswer> {
    const { at, state } = this.now();
    const question: Question = {
      kind: 'gas',
      subject: request.transaction.from,
      intentDigest: null,
      payloadDigest: gasPayloadDigest(request),
      at,
      heads: headsOf(state, [FIRM_CHAIN]),
    };
    const order = state.ok ? gasOrder(state.value, this.identity.id, request) : state;
    return signed(await this.answer(question, order, (granted, released) => this.sign(question, granted, released)));
  }

  private now(): { readonly at: string; readonly state: Result<CharterState> } {
    const moving = this.freeze.check();
    return { at: this.clock.now(), state: moving.ok ? this.charter.current() : moving };
  }

  private async answer<T>(question: Question, order: Result<SigningOrder>, act: Act<T>): Promise<DecidedAnswer<T>> {
    const ready = await this.memory.ready();
    const answer = ready.ok ? await this.decided(question, order, act) : ready;
    const { kind, subject, payloadDigest: payload } = question;
    if (answer.ok) this.logger.log({ msg: 'signed', kind, subject, payload });
    else this.logger.warn({ msg: 'not signed', kind, subject, payload, ...briefly(answer.refusal) });
    return answer;
  }

  private decided<T>(question: Question, order: Result<SigningOrder>, act: Act<T>): Promise<DecidedAnswer<T>> {
    return order.ok ? this.fulfil(question, order.value, act) : this.refuse(question, order.refusal);
  }

  private async refuse(question: Question, refusal: Refusal): Promise<DecidedAnswer<never>> {
    const recorded = await this.records.refuse(question, refusal);
    return recorded.ok ? { ok: false, refusal, decision: this.seal.seal(recorded.value.record) } : recorded;
  }

  /**
   * Nothing is signed before its coins or nonce are committed to these bytes, for good: first in the database, then in
   * what the token remembers of it.
   */
  private async fulfil<T>(question: Question, order: SigningOrder, act: Act<T>): Promise<DecidedAnswer<T>> {
    const recorded = await this.records.commit(question, order);
    if (!recorded.ok) return recorded;
    const { result, record } = recorded.value;
    if (!result.ok) return { ...result, decision: this.seal.seal(record) };
    const covered = await this.memory.cover();
    if (!covered.ok) return covered;
    const outcome = await act(order, result.value.released);
    return outcome.ok
      ? accepted({
          signer: this.identity.id,
          wallet: order.wallet,
          payloadDigest: question.payloadDigest,
          outcome: outcome.value,
          decision: this.seal.seal(record),
        })
      : outcome;
  }

  private async sign(
    question: Question,
    order: SigningOrder,
    released: readonly ReleasedSignature[] | undefined,
  ): Promise<Result<readonly ReleasedSignature[]>> {
    if (released) return accepted(released);
    const { wallet, publicKey } = order;
    const signatures: ReleasedSignature[] = [];
    for (const { inputIndex, digest } of order.digests) {
      const signature = await this.keys.sign(wallet, digest);
      if (!signature.ok) return signature;
      // against the key that the charter names: the token's own may have been exchanged
      if (!verifyLowS(digest, Buffer.from(publicKey, 'hex'), signature.value)) {
        return refused('keys.signature-invalid', 'The token’s signature is not by the key that the charter names.', {
          wallet,
          publicKey,
        });
      }
      signatures.push({ inputIndex, publicKey, digest: hex(digest), signature: hex(signature.value) });
    }
    return accepted(await this.records.release(question, order, signatures));
  }
}

function signed(answer: DecidedAnswer<readonly ReleasedSignature[]>): SigningAnswer {
  if (!answer.ok) return answer;
  const { outcome: signatures, ...decided } = answer.value;
  return accepted({ ...decided, signatures });
}

/** A wallet's key is held in one way: an MPC wallet is never signed for by a key of the token, nor the reverse. */
function ofScheme(scheme: Scheme, order: Result<SigningOrder>): Result<SigningOrder> {
  if (!order.ok || order.value.scheme === scheme) return order;
  return refused('signer.wrong-wallet', 'This wallet is not signed for in this way.', { wallet: order.value.wallet });
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const briefly = ({ code, detail }: Refusal) => ({ code, detail });

/** What the decision was made on: the heads of the firm's chain and of the owner's. */
function headsOf(state: Result<CharterState>, chains: readonly string[]): Record<string, Head> {
  if (!state.ok) return {};
  const { heads } = state.value;
  return Object.fromEntries(
    chains.flatMap((chain) => {
      const head = heads.get(chain);
      return head ? [[chain, head]] : [];
    }),
  );
}
