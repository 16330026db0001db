import { Injectable } from '@nestjs/common';
import { schnorr } from '@noble/curves/secp256k1.js';
import {
  makeNonces,
  makeShares,
  openPromise,
  outputKey,
  signingTerms,
  signMessage,
  transcriptOf,
  type FrostGroup,
  type InputDigest,
  type NonceCommitment,
  type SignedMessage,
} from '@bulkhead/keys';
import { accepted, payloadDigest, refused, ZERO_DIGEST, type Digest, type Result } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { activeKey } from '@bulkhead/charter';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { SignerIdentity } from '../../signer-identity.js';
import type { SigningOrder } from '../../signing/core/signing-order.js';
import { SigningService, type DecidedAnswer } from '../../signing/core/signing.service.js';
import { GroupLock } from '../persistence/group-lock.js';
import { NonceStore } from '../persistence/nonce-store.js';
import { ShareStore, type ShareInUse } from '../persistence/share-store.js';
import { fingerprintsOf, GroupSessions } from './group-sessions.js';

type Body = SignedMessage['message']['body'];

/** A promise, and the group as it is now: what its shares will be checked against. */
export interface Promised {
  readonly message: SignedMessage;
  readonly group: FrostGroup;
}

/** Promises of the members, as this signer has verified them. */
interface Promises {
  readonly byMember: ReadonlyMap<string, readonly NonceCommitment[]>;
  /** Names this signer's own nonces. */
  readonly own: string;
}

/**
 * The two rounds of signing with an MPC group. In each, this signer decides by itself as for any transfer, records it, and
 * only then does its part. In the second, the nonces are destroyed first of all: a database from before that lacks the
 * decision too, which the token remembers, and so signs nothing.
 */
@Injectable()
export class MpcSigningService {
  constructor(
    private readonly signing: SigningService,
    private readonly charter: CharterReplica,
    private readonly identity: SignerIdentity,
    private readonly sessions: GroupSessions,
    private readonly shares: ShareStore,
    private readonly nonces: NonceStore,
    private readonly lock: GroupLock,
  ) {}

  /** Round 1: this signer's promises for each input. */
  promise(request: TransferRequest): Promise<DecidedAnswer<Promised>> {
    return this.signing.actOnTransfer(request, 'frost', async (order) => {
      const open = await this.lock.check(order.wallet);
      if (!open.ok) return open;
      const share = await this.shareOf(order.wallet);
      if (!share.ok) return share;
      const payload = payloadDigest(request.payload);
      const key = await this.shares.unseal(share.value);
      if (!key.ok) return key;
      const made = makeNonces(key.value, inputsOf(order.digests));
      key.value.share.fill(0);
      const id = await this.nonces.keep(share.value, payload, made.secret);
      if (!id.ok) return id;
      const body: Body = { kind: 'nonces', id: id.value, nonces: [...made.commitments] };
      const { group } = share.value;
      return accepted({ message: this.sign(group, payload, ZERO_DIGEST, body), group });
    });
  }

  /** Round 2: this signer's shares, for the promises of exactly those members that sign together. */
  async share(request: TransferRequest, promises: readonly SignedMessage[]): Promise<DecidedAnswer<SignedMessage>> {
    const prepared = await this.prepare(request, promises);
    if (!prepared.ok) return prepared;
    const { share, own, secret, digests, byMember } = prepared.value;
    try {
      return await this.signing.actOnTransfer(request, 'frost', async (order) => {
        if (!sameDigests(order.digests, digests))
          return refused(
            'transfer.payload-differs',
            'The charter has moved between deciding and signing: begin again.',
          );
        const key = await this.shares.unseal(share);
        if (!key.ok) return key;
        const made = makeShares(key.value, secret, byMember, digests);
        key.value.share.fill(0);
        if (!made.ok) return made;
        const given = await this.nonces.give(order.wallet, own);
        if (!given.ok) return given;
        const body: Body = { kind: 'shares', shares: [...made.value] };
        return accepted(
          this.sign(
            share.group,
            payloadDigest(request.payload),
            transcriptOf(promises.map(({ message }) => message)),
            body,
          ),
        );
      });
    } finally {
      secret.fill(0);
    }
  }

  /** What became of the shares: a signature, so that they count as no failure. */
  async complete(
    wallet: string,
    id: string,
    signatures: readonly { readonly inputIndex: number; readonly signature: string }[],
  ): Promise<Result<true>> {
    const share = await this.shareOf(wallet);
    if (!share.ok) return share;
    const digests = await this.nonces.usedFor(wallet, id);
    if (!digests.ok) return digests;
    const publicKey = Buffer.from(outputKey(share.value.group), 'hex');
    const isSigned = digests.value.every(({ inputIndex, digest }) => {
      const signature = signatures.find((each) => each.inputIndex === inputIndex)?.signature ?? '';
      return schnorr.verify(Buffer.from(signature, 'hex'), digest, publicKey);
    });
    if (!isSigned) return refused('keys.signature-invalid', 'These are not the signatures of that signing.', { id });
    await this.nonces.complete(id);
    return accepted(true);
  }

  /** Checks all that can be checked, and then uses up the nonces. */
  private async prepare(request: TransferRequest, promises: readonly SignedMessage[]) {
    const order = await this.signing.digestsOf(request);
    if (!order.ok) return order;
    const share = await this.shareOf(order.value.wallet);
    if (!share.ok) return share;
    const payload = payloadDigest(request.payload);
    const { digests } = order.value;
    const heard = this.hear(share.value.group, payload, promises, digests);
    if (!heard.ok) return heard;
    const inputs = inputDigests(digests);
    const { own, byMember } = heard.value;
    const secret = await this.nonces.use(own, share.value, payload, inputs);
    return secret.ok ? accepted({ share: share.value, own, secret: secret.value, digests: inputs, byMember }) : secret;
  }

  private hear(
    group: FrostGroup,
    payload: Digest,
    promises: readonly SignedMessage[],
    digests: SigningOrder['digests'],
  ): Result<Promises> {
    const state = this.charter.current();
    if (!state.ok) return state;
    const asked = { group, payload, inputs: inputsOf(digests) };
    const byMember = new Map<string, readonly NonceCommitment[]>();
    let own: string | undefined;
    for (const promise of promises) {
      const { from } = promise.message;
      // with a share that is suspended nobody signs, not even whoever has it
      const wallet = state.value.wallets.get(group.id);
      const active = wallet ? activeKey(state.value, wallet, from) : accepted(true);
      if (!active.ok) return active;
      const body = openPromise(promise, asked, fingerprintsOf(state.value));
      if (!body.ok) return body;
      if (byMember.has(from)) return refused('mpc.message-invalid', 'Two promises of one member.', { member: from });
      byMember.set(from, body.value.nonces);
      if (from === this.identity.id) own = body.value.id;
    }
    if (own === undefined || byMember.size < group.threshold)
      return refused('signer.quorum-unavailable', 'Fewer members than the threshold, or this signer is not of them.', {
        members: String(byMember.size),
        threshold: String(group.threshold),
      });
    return accepted({ byMember, own });
  }

  private shareOf(wallet: string): Promise<Result<ShareInUse>> {
    const state = this.charter.current();
    if (!state.ok) return Promise.resolve(state);
    const found = state.value.wallets.get(wallet);
    return found?.kind === 'taproot-mpc'
      ? this.shares.inUse(found)
      : Promise.resolve(refused('signer.wrong-wallet', 'This wallet has no MPC group.', { wallet }));
  }

  private sign(group: FrostGroup, payload: Digest, transcript: Digest, body: Body): SignedMessage {
    const terms = signingTerms(group, payload);
    return signMessage({ v: 1, terms, transcript, from: this.identity.id, to: null, body }, this.sessions.me);
  }
}

const inputDigests = (digests: SigningOrder['digests']): readonly InputDigest[] =>
  digests.map(({ inputIndex, digest }) => ({ inputIndex: inputIndex ?? 0, digest }));

const inputsOf = (digests: SigningOrder['digests']): number[] => inputDigests(digests).map((each) => each.inputIndex);

const sameDigests = (ordered: SigningOrder['digests'], used: readonly InputDigest[]): boolean =>
  ordered.length === used.length &&
  ordered.every(({ digest }, place) => Buffer.from(digest).equals(used[place]?.digest ?? Buffer.alloc(0)));
