import { Injectable, Logger } from '@nestjs/common';
import { verifyLowS } from '@bulkhead/keys';
import { accepted, refused, type Digest, type Refusal, type Result } from '@bulkhead/intent';
import {
  decisionHash,
  type DecisionRecord,
  type GasRequest,
  type SignedDecision,
  type TransferRequest,
} from '@bulkhead/policy';
import { IdentitySeal } from '../../identity-seal.js';
import { WalletKeys } from '../../keys/core/wallet-keys.js';
import { SignerIdentity } from '../../signer-identity.js';
import { TokenMemory } from '../../token-memory/core/token-memory.js';
import type { Question } from '../persistence/decision-log.js';
import type { ReleasedSignature } from '../persistence/signature.entity.js';
import { SigningRecords, type Committed, type Concluded } from '../persistence/signing-records.js';
import { GasDecider } from './gas-decider.js';
import { LocalFreeze } from './local-freeze.js';
import type { Scheme, SigningOrder } from './signing-order.js';
import { TransferDecider } from './transfer-decider.js';

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

/** Does with what was committed what its scheme asks for. */
type Act<T> = (committed: Committed, question: Question) => Promise<Result<T>>;

/** Decides by itself, records, and only then signs. A refusal is recorded too. */
@Injectable()
export class SigningService {
  private readonly logger = new Logger('signing');

  constructor(
    private readonly transfers: TransferDecider,
    private readonly gas: GasDecider,
    private readonly keys: WalletKeys,
    private readonly records: SigningRecords,
    private readonly identity: SignerIdentity,
    private readonly memory: TokenMemory,
    private readonly seal: IdentitySeal,
    private readonly freeze: LocalFreeze,
  ) {}

  async signTransfer(request: TransferRequest): Promise<SigningAnswer> {
    const decide = () => this.transfers.decide(request, 'ecdsa');
    return signed(await this.answer(decide, (committed, question) => this.sign(question, committed)));
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
    return this.answer(
      () => this.transfers.decide(request, scheme),
      ({ order }) => act(order),
    );
  }

  /** What would be signed if it may be. Nothing is decided, so nothing may come of it. */
  digestsOf(request: TransferRequest): Promise<Result<Pick<SigningOrder, 'wallet' | 'digests'>>> {
    return this.transfers.digestsOf(request);
  }

  async signGas(request: GasRequest): Promise<SigningAnswer> {
    const decide = () => this.gas.decide(request);
    return signed(await this.answer(decide, (committed, question) => this.sign(question, committed)));
  }

  private async answer<T>(decide: () => Promise<Concluded>, act: Act<T>): Promise<DecidedAnswer<T>> {
    const ready = await this.memory.ready();
    if (!ready.ok) return ready;
    const { question, recorded } = await decide();
    const answer = recorded.ok ? await this.follow(question, recorded.value, act) : recorded;
    const { kind, subject, payloadDigest: payload } = question;
    if (answer.ok) this.logger.log({ msg: 'signed', kind, subject, payload });
    else this.logger.warn({ msg: 'not signed', kind, subject, payload, ...briefly(answer.refusal) });
    return answer;
  }

  /**
   * Nothing is signed before its coins or nonce are committed to these bytes, for good: first in the database, as has been
   * done, then in what the token remembers of it.
   */
  private async follow<T>(
    question: Question,
    { record, result }: { readonly record: DecisionRecord; readonly result: Result<Committed> },
    act: Act<T>,
  ): Promise<DecidedAnswer<T>> {
    const decision = { record, ...this.seal.over(decisionHash(record)) };
    if (!result.ok) return { ...result, decision };
    const covered = await this.memory.cover();
    if (!covered.ok) return covered;
    // the operator's freeze asks nobody and waits for nobody
    const moving = this.freeze.check();
    if (!moving.ok) return moving;
    const outcome = await act(result.value, question);
    if (!outcome.ok) return outcome;
    const { payloadDigest } = question;
    const { wallet } = result.value.order;
    return accepted({ signer: this.identity.id, wallet, payloadDigest, outcome: outcome.value, decision });
  }

  private async sign(
    question: Question,
    { order, released }: Committed,
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

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const briefly = ({ code, detail }: Refusal) => ({ code, detail });
