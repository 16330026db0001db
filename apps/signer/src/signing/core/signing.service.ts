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
import type { SigningOrder } from './signing-order.js';
import { TransferDecider } from './transfer-decider.js';

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
    private readonly transfers: TransferDecider,
    private readonly gas: GasDecider,
    private readonly keys: WalletKeys,
    private readonly records: SigningRecords,
    private readonly identity: SignerIdentity,
    private readonly memory: TokenMemory,
    private readonly seal: IdentitySeal,
  ) {}

  signTransfer(request: TransferRequest): Promise<SigningAnswer> {
    return this.answer(() => this.transfers.decide(request));
  }

  signGas(request: GasRequest): Promise<SigningAnswer> {
    return this.answer(() => this.gas.decide(request));
  }

  private async answer(decide: () => Promise<Concluded>): Promise<SigningAnswer> {
    const ready = await this.memory.ready();
    if (!ready.ok) return ready;
    const { question, recorded } = await decide();
    const answer = recorded.ok ? await this.follow(question, recorded.value) : recorded;
    const { kind, subject, payloadDigest: payload } = question;
    if (answer.ok) this.logger.log({ msg: 'signed', kind, subject, payload });
    else this.logger.warn({ msg: 'not signed', kind, subject, payload, ...briefly(answer.refusal) });
    return answer;
  }

  /**
   * Nothing is signed before its coins or nonce are committed to these bytes, for good: first in the database, as has been
   * done, then in what the token remembers of it.
   */
  private async follow(
    question: Question,
    { record, result }: { readonly record: DecisionRecord; readonly result: Result<Committed> },
  ): Promise<SigningAnswer> {
    const decision = { record, ...this.seal.over(decisionHash(record)) };
    if (!result.ok) return { ...result, decision };
    const covered = await this.memory.cover();
    if (!covered.ok) return covered;
    const { order, released } = result.value;
    const signatures = released ? accepted(released) : await this.sign(question, order);
    if (!signatures.ok) return signatures;
    const { payloadDigest } = question;
    const { wallet } = order;
    return accepted({ signer: this.identity.id, wallet, payloadDigest, signatures: signatures.value, decision });
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
