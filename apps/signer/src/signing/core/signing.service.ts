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
import { gasOrder, transferOrder, type SigningOrder } from './signing-order.js';

export interface SignedAnswer {
  readonly signer: string;
  readonly wallet: string;
  readonly payloadDigest: Digest;
  readonly signatures: readonly ReleasedSignature[];
  readonly decision: SignedDecision;
}

/** A refusal that this signer has decided comes with its record; one of a broken part does not. */
export type SigningAnswer =
  | { readonly ok: true; readonly value: SignedAnswer }
  | { readonly ok: false; readonly refusal: Refusal; readonly decision?: SignedDecision };

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

  signTransfer(request: TransferRequest): Promise<SigningAnswer> {
    const { intent, payload } = request;
    const { at, state } = this.now();
    const question: Question = {
      kind: 'transfer',
      subject: intent.wallet,
      intentDigest: intentDigest(intent),
      payloadDigest: payloadDigest(payload),
      at,
      heads: headsOf(state, [FIRM_CHAIN, clientChain(intent.owner)]),
    };
    const order = state.ok ? transferOrder(state.value, this.identity.id, request, at) : state;
    return this.answer(question, order);
  }

  signGas(request: GasRequest): Promise<SigningAnswer> {
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
    return this.answer(question, order);
  }

  private now(): { readonly at: string; readonly state: Result<CharterState> } {
    const moving = this.freeze.check();
    return { at: this.clock.now(), state: moving.ok ? this.charter.current() : moving };
  }

  private async answer(question: Question, order: Result<SigningOrder>): Promise<SigningAnswer> {
    const ready = await this.memory.ready();
    const answer = ready.ok ? await this.decided(question, order) : ready;
    const { kind, subject, payloadDigest: payload } = question;
    if (answer.ok) this.logger.log({ msg: 'signed', kind, subject, payload });
    else this.logger.warn({ msg: 'not signed', kind, subject, payload, ...briefly(answer.refusal) });
    return answer;
  }

  private decided(question: Question, order: Result<SigningOrder>): Promise<SigningAnswer> {
    return order.ok ? this.fulfil(question, order.value) : this.refuse(question, order.refusal);
  }

  private async refuse(question: Question, refusal: Refusal): Promise<SigningAnswer> {
    const recorded = await this.records.refuse(question, refusal);
    return recorded.ok ? { ok: false, refusal, decision: this.seal.seal(recorded.value.record) } : recorded;
  }

  /**
   * Nothing is signed before its coins or nonce are committed to these bytes, for good: first in the database, then in
   * what the token remembers of it.
   */
  private async fulfil(question: Question, order: SigningOrder): Promise<SigningAnswer> {
    const recorded = await this.records.commit(question, order);
    if (!recorded.ok) return recorded;
    const { result, record } = recorded.value;
    if (!result.ok) return { ...result, decision: this.seal.seal(record) };
    const covered = await this.memory.cover();
    if (!covered.ok) return covered;
    const { released } = result.value;
    const signatures = released ? accepted(released) : await this.sign(question, order);
    return signatures.ok
      ? accepted({
          signer: this.identity.id,
          wallet: order.wallet,
          payloadDigest: question.payloadDigest,
          signatures: signatures.value,
          decision: this.seal.seal(record),
        })
      : signatures;
  }

  private async sign(question: Question, order: SigningOrder): Promise<Result<readonly ReleasedSignature[]>> {
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
