import { Injectable, Logger } from '@nestjs/common';
import { clientChain, FIRM_CHAIN, type CharterState, type Head } from '@bulkhead/charter';
import { verifyLowS } from '@bulkhead/keys';
import { accepted, intentDigest, payloadDigest, refused, type Refusal, type Result } from '@bulkhead/intent';
import type { GasRequest, TransferRequest } from '@bulkhead/policy';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { Clock } from '../../clock.js';
import { WalletKeys } from '../../keys/core/wallet-keys.js';
import { SignerIdentity } from '../../signer-identity.js';
import { SigningRecords, type Question } from '../persistence/signing-records.js';
import type { ReleasedSignature } from '../persistence/signature.entity.js';
import { gasOrder, gasPayloadDigest, transferOrder, type SigningOrder } from './signing-order.js';

export interface SignedAnswer {
  readonly signer: string;
  readonly wallet: string;
  readonly payloadDigest: string;
  readonly signatures: readonly ReleasedSignature[];
}

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
  ) {}

  signTransfer(request: TransferRequest): Promise<Result<SignedAnswer>> {
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

  signGas(request: GasRequest): Promise<Result<SignedAnswer>> {
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
    return { at: this.clock.now(), state: this.charter.current() };
  }

  private async answer(question: Question, order: Result<SigningOrder>): Promise<Result<SignedAnswer>> {
    if (!order.ok) await this.records.refuse(question, order.refusal);
    const answer = order.ok ? await this.fulfil(question, order.value) : order;
    const { kind, subject, payloadDigest: payload } = question;
    if (answer.ok) this.logger.log({ msg: 'signed', kind, subject, payload });
    else this.logger.warn({ msg: 'not signed', kind, subject, payload, ...briefly(answer.refusal) });
    return answer;
  }

  /** Nothing is signed before its coins or nonce are committed to these bytes, for good. */
  private async fulfil(question: Question, order: SigningOrder): Promise<Result<SignedAnswer>> {
    const committed = await this.records.commit(question, order);
    if (!committed.ok) return committed;
    const signatures = committed.value ? accepted(committed.value) : await this.sign(question, order);
    return signatures.ok
      ? accepted({
          signer: this.identity.id,
          wallet: order.wallet,
          payloadDigest: question.payloadDigest,
          signatures: signatures.value,
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
