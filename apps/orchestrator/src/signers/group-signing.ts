import {
  aggregateShares,
  openPromise,
  outputKey,
  type BodyOf,
  type Fingerprints,
  type InputDigest,
  type SignedMessage,
} from '@bulkhead/keys';
import { accepted, canonicalJson, payloadDigest, refused, type Refusal, type Result } from '@bulkhead/intent';
import type { SignedDecision, TransferRequest } from '@bulkhead/policy';
import type { MemberPromise, MpcMember } from './mpc-member.js';

/** Told of every decision that a member takes on the way, refusals too. */
export type OnDecision = (decision: SignedDecision) => Promise<void>;

/** Of whose group a signature is wanted. */
export interface WantedSignature {
  readonly threshold: number;
  /** Those that may be asked, in this order. */
  readonly members: readonly string[];
  readonly outputKey: string;
  /** By which certificates the charter knows the members. */
  readonly fingerprints: Fingerprints;
}

interface Wanted extends WantedSignature {
  readonly request: TransferRequest;
  readonly digests: readonly InputDigest[];
  readonly onDecision: OnDecision;
}

interface GroupSignature {
  readonly inputIndex: number;
  /** BIP-340, 64 bytes, hex. */
  readonly signature: string;
}

/** Signed, or not; by whom it failed, be it that others could do without. */
export type GroupSigned = Result<readonly GroupSignature[]> & { readonly refusedBy: ReadonlyMap<string, Refusal> };

/** A member's promise as it is on its way to the others. */
interface Promised {
  readonly id: string;
  readonly promise: MemberPromise;
  readonly body: BodyOf<'nonces'>;
}

/** Who has promised for which shares. */
interface Agreement {
  /** As many as it takes, for the same shares. */
  readonly agreed: readonly Promised[] | undefined;
  /** Those who have promised for others. */
  readonly dissenters: readonly string[];
}

/**
 * Both rounds of one signing, by as many members as the threshold. Which shares are meant is what so many of them agree on,
 * never what one says. A promise is verified before anybody uses its nonces up for it, so that who fails is who lies. One
 * that fails is left out and the signing begun again with others, as long as there are enough.
 */
export class GroupSigning {
  private readonly refusedBy = new Map<string, Refusal>();

  constructor(
    private readonly members: ReadonlyMap<string, MpcMember>,
    private readonly catchUp: () => Promise<void>,
    private readonly wanted: Wanted,
  ) {}

  async run(): Promise<GroupSigned> {
    const { refusedBy } = this;
    let isCaughtUp = false;
    for (;;) {
      const { agreed, dissenters } = await this.promises();
      if (dissenters.length > 0 && !isCaughtUp) {
        // it can move any of them to other shares, and promises end with the shares that they are for
        await this.catchUp();
        isCaughtUp = true;
        continue;
      }
      for (const id of dissenters) refusedBy.set(id, otherShares(id));
      if (!agreed) return { ok: false, refusal: [...refusedBy.values()][0] ?? TOO_FEW, refusedBy };
      const signed = await this.shares(agreed);
      if (signed) return { ok: true, value: signed, refusedBy };
    }
  }

  private async promises(): Promise<Agreement> {
    const byShares = new Map<string, Promised[]>();
    const dissentersFrom = (agreed: readonly Promised[] | undefined) =>
      [...byShares.values()].flatMap((each) => (each === agreed ? [] : each.map(({ id }) => id)));
    for (const id of this.wanted.members.filter((member) => !this.refusedBy.has(member))) {
      const promised = await this.promiseOf(id);
      if (!promised.ok) {
        this.refusedBy.set(id, promised.refusal);
        continue;
      }
      const name = canonicalJson(promised.value.promise.group);
      const same = byShares.get(name) ?? [];
      same.push(promised.value);
      byShares.set(name, same);
      if (same.length >= this.wanted.threshold) return { agreed: same, dissenters: dissentersFrom(same) };
    }
    // too few are left: it is nobody's other shares where all have the same
    return { agreed: undefined, dissenters: byShares.size > 1 ? dissentersFrom(undefined) : [] };
  }

  private async promiseOf(id: string): Promise<Result<Promised>> {
    const { request, digests, fingerprints, outputKey: key, onDecision } = this.wanted;
    const answer = await this.members.get(id)?.promise(request);
    if (!answer) return refused('charter.unknown-signer', 'A member of the group is no signer here.', { signer: id });
    const decision = answer.ok ? answer.value.decision : answer.decision;
    if (decision) await onDecision(decision);
    if (!answer.ok) return answer;
    const { group, message } = answer.value;
    if (message.message.from !== id || group.id !== request.intent.wallet || outputKey(group) !== key)
      return { ok: false, refusal: otherShares(id) };
    const inputs = digests.map(({ inputIndex }) => inputIndex);
    const body = openPromise(message, { group, payload: payloadDigest(request.payload), inputs }, fingerprints);
    return body.ok ? accepted({ id, promise: answer.value, body: body.value }) : body;
  }

  /** Undefined when somebody has failed, who is in `refusedBy` then. */
  private async shares(promised: readonly Promised[]): Promise<readonly GroupSignature[] | undefined> {
    const messages = promised.map(({ promise }) => promise.message);
    const answers = await Promise.all(promised.map(({ id }) => this.sharesOf(id, messages)));
    const shares = new Map(answers.flatMap((answer) => (answer.ok ? [answer.value] : [])));
    for (const [place, answer] of answers.entries())
      if (!answer.ok) this.refusedBy.set(promised[place]?.id ?? '', answer.refusal);
    const [first] = promised;
    if (!first || shares.size < promised.length) return undefined;
    const commitments = new Map(promised.map(({ id, body }) => [id, body.nonces]));
    const signed = aggregateShares(first.promise.group, commitments, this.wanted.digests, shares);
    if (!signed.ok) {
      const blamed = promised.find(({ id }) => id === signed.refusal.facts['member']) ?? first;
      this.refusedBy.set(blamed.id, signed.refusal);
      return undefined;
    }
    const signatures = signed.value.map(({ inputIndex, signature }) => ({
      inputIndex,
      signature: Buffer.from(signature).toString('hex'),
    }));
    await this.complete(promised, signatures);
    return signatures;
  }

  private async sharesOf(
    id: string,
    promises: readonly SignedMessage[],
  ): Promise<Result<readonly [string, BodyOf<'shares'>['shares']]>> {
    const answer = await this.members.get(id)?.share(this.wanted.request, promises);
    const decision = answer?.ok ? answer.value.decision : answer?.decision;
    if (decision) await this.wanted.onDecision(decision);
    if (answer && !answer.ok) return answer;
    const body = answer?.value.message.message.body;
    return body?.kind === 'shares' ? accepted([id, body.shares]) : { ok: false, refusal: otherShares(id) };
  }

  /** Each is told what came of its share. One that is not told counts the signing as failed, no more. */
  private async complete(promised: readonly Promised[], signatures: readonly GroupSignature[]): Promise<void> {
    const { wallet } = this.wanted.request.intent;
    await Promise.all(
      promised.map(async ({ id, body }) => this.members.get(id)?.complete({ wallet, id: body.id, signatures })),
    );
  }
}

const otherShares = (member: string): Refusal =>
  refused('signer.answer-invalid', 'A member answered for other shares than those that the others use.', { member })
    .refusal;
const TOO_FEW = refused('signer.quorum-unavailable', 'Too few members of the group are left to sign.').refusal;
