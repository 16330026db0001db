import { randomBytes } from 'node:crypto';
import {
  aggregateShares,
  outputKey,
  participantsOf,
  type BodyOf,
  type FrostGroup,
  type InputDigest,
  type SessionTerms,
  type SignedMessage,
} from '@bulkhead/keys';
import { accepted, canonicalJson, refused, type Refusal, type Result } from '@bulkhead/intent';
import type { SignedDecision, TransferRequest } from '@bulkhead/policy';
import type { MemberPromise, MpcMember, ProvenShare } from './mpc-member.js';

/** Told of every decision that a member takes on the way, refusals too. */
export type OnDecision = (decision: SignedDecision) => Promise<void>;

export interface GroupSignature {
  readonly inputIndex: number;
  /** BIP-340, 64 bytes, hex. */
  readonly signature: string;
}

/** Signed, or not; by whom it failed, be it that others could do without. */
export type GroupSigning = Result<readonly GroupSignature[]> & { readonly refusedBy: ReadonlyMap<string, Refusal> };

/**
 * Carries the messages of MPC groups between their members. The carrier is trusted with nothing: it can lose messages, and
 * so keep a group from coming about or from signing.
 */
export class MpcCarrier {
  constructor(private readonly members: ReadonlyMap<string, MpcMember>) {}

  /** A new group for a wallet. All of `members` take part, or there is none. */
  generate(wallet: string, threshold: number, members: readonly string[]): Promise<Result<FrostGroup>> {
    const common = { session: newSession(), group: wallet, threshold, members: [...members].sort() };
    return this.runAndActivate({ purpose: 'generate', ...common });
  }

  /** New shares of the same key for the same members; the old ones are destroyed (proactive refresh). */
  refresh(previous: FrostGroup): Promise<Result<FrostGroup>> {
    const { id, threshold, members } = previous;
    const common = { session: newSession(), group: id, threshold, members };
    return this.runAndActivate({ purpose: 'reshare', ...common, dealers: members, previous });
  }

  /**
   * New shares for the members that a permit of the charter names, dealt by `dealers`. They are not used before an act names
   * them with the proofs that this returns, one of each new member.
   */
  async reshare(
    previous: FrostGroup,
    dealers: readonly string[],
    permit: { readonly number: number; readonly members: readonly string[]; readonly threshold: number },
  ): Promise<Result<readonly ProvenShare[]>> {
    const terms = {
      purpose: 'reshare' as const,
      session: newSession(),
      group: previous.id,
      threshold: permit.threshold,
      members: [...permit.members],
      dealers: [...dealers],
      previous,
      permit: permit.number,
    };
    const ran = await this.run(terms);
    if (!ran.ok) return ran;
    const { group, confirmations } = ran.value;
    return this.ofAll(group.members, (member) => member.prove(group, heardBy(member.id, confirmations)));
  }

  /** After a switch, has `holders` destroy the shares that the new members' take the place of, once all of these use theirs. */
  async release(wallet: string, members: readonly string[], holders: readonly string[]): Promise<Result<true>> {
    const using = await this.ofAll(members, (member) => member.using(wallet));
    if (!using.ok) return using;
    const released = await this.ofAll(holders, (member) =>
      member.release(wallet, heardBy(member.id, using.value.flat())),
    );
    return released.ok ? accepted(true) : released;
  }

  private async runAndActivate(terms: SessionTerms): Promise<Result<FrostGroup>> {
    const ran = await this.run(terms);
    if (!ran.ok) return ran;
    const { group, confirmations } = ran.value;
    const active = await this.ofAll(group.members, (member) =>
      member.activate(group, heardBy(member.id, confirmations)),
    );
    return active.ok ? accepted(group) : active;
  }

  /** The three rounds of a session, and what its members say has come of it. */
  private async run(
    terms: SessionTerms,
  ): Promise<Result<{ readonly group: FrostGroup; readonly confirmations: readonly SignedMessage[] }>> {
    const { session } = terms;
    const participants = participantsOf(terms);
    const announced = await this.ofAll(participants, (member) => member.announce(terms));
    if (!announced.ok) return announced;
    const dealt = await this.ofAll(participants, (member) =>
      member.deal(session, heardBy(member.id, announced.value.flat())),
    );
    if (!dealt.ok) return dealt;
    const confirmed = await this.ofAll(participants, (member) =>
      member.confirm(session, heardBy(member.id, dealt.value.flat())),
    );
    if (!confirmed.ok) return confirmed;
    const confirmations = confirmed.value.flat();
    const [first] = confirmations;
    return first?.message.body.kind === 'confirm'
      ? accepted({ group: first.message.body.group, confirmations })
      : refused('mpc.message-invalid', 'The members have confirmed nothing.');
  }

  /** The same of each, all at once; the first refusal when there is one. One that names a member says more than the others. */
  private async ofAll<T>(
    ids: readonly string[],
    ask: (member: MpcMember) => Promise<Result<T>>,
  ): Promise<Result<readonly T[]>> {
    const known = ids.map((id) => this.members.get(id)).filter((member) => member !== undefined);
    if (known.length < ids.length) return refused('charter.unknown-signer', 'A member of the group is no signer here.');
    const answers = await Promise.all(known.map(ask));
    const failures = answers.filter((answer) => !answer.ok);
    const failure = failures.find(({ refusal }) => refusal.code === 'mpc.member-blamed') ?? failures[0];
    return failure ?? accepted(answers.flatMap((answer) => (answer.ok ? [answer.value] : [])));
  }

  /**
   * Both rounds, by as many of `members` as the threshold. One that fails is left out and the signing begun again with
   * others, as long as there are enough.
   */
  async sign(
    request: TransferRequest,
    wanted: { readonly threshold: number; readonly members: readonly string[]; readonly outputKey: string },
    digests: readonly InputDigest[],
    onDecision: OnDecision,
  ): Promise<GroupSigning> {
    const refusedBy = new Map<string, Refusal>();
    for (;;) {
      const willing = wanted.members.filter((id) => !refusedBy.has(id));
      const promises = await this.promises(request, wanted, willing, refusedBy, onDecision);
      if (!promises) return { ok: false, refusal: [...refusedBy.values()][0] ?? TOO_FEW, refusedBy };
      const signed = await this.shares(request, promises, digests, refusedBy, onDecision);
      if (signed) return { ok: true, value: signed, refusedBy };
    }
  }

  private async promises(
    request: TransferRequest,
    { threshold, outputKey: key }: { readonly threshold: number; readonly outputKey: string },
    willing: readonly string[],
    refusedBy: Map<string, Refusal>,
    onDecision: OnDecision,
  ): Promise<readonly MemberPromise[] | undefined> {
    const promises: MemberPromise[] = [];
    const untried = [...willing];
    while (promises.length < threshold) {
      const id = untried.shift();
      const member = id === undefined ? undefined : this.members.get(id);
      if (!member) return undefined;
      const answer = await member.promise(request);
      const decision = answer.ok ? answer.value.decision : answer.decision;
      if (decision) await onDecision(decision);
      const [first] = promises;
      const isOfGroup =
        answer.ok &&
        answer.value.message.message.body.kind === 'nonces' &&
        answer.value.message.message.from === member.id &&
        outputKey(answer.value.group) === key &&
        (!first || canonicalJson(first.group) === canonicalJson(answer.value.group));
      if (isOfGroup) promises.push(answer.value);
      else refusedBy.set(member.id, answer.ok ? ANOTHER_GROUP : answer.refusal);
    }
    return promises;
  }

  /** Undefined when somebody has failed, who is in `refusedBy` then. */
  private async shares(
    request: TransferRequest,
    promises: readonly MemberPromise[],
    digests: readonly InputDigest[],
    refusedBy: Map<string, Refusal>,
    onDecision: OnDecision,
  ): Promise<readonly GroupSignature[] | undefined> {
    const messages = promises.map(({ message }) => message);
    const commitments = new Map(messages.map(({ message }) => [message.from, bodyOf(message.body, 'nonces').nonces]));
    const answers = await Promise.all(
      promises.map(async ({ signer }) => ({
        signer,
        answer: await this.members.get(signer)?.share(request, messages),
      })),
    );
    const shares = new Map<string, BodyOf<'shares'>['shares']>();
    for (const { signer, answer } of answers) {
      const decision = answer?.ok ? answer.value.decision : answer?.decision;
      if (decision) await onDecision(decision);
      if (answer?.ok && answer.value.message.message.body.kind === 'shares')
        shares.set(signer, answer.value.message.message.body.shares);
      else refusedBy.set(signer, answer && !answer.ok ? answer.refusal : ANOTHER_GROUP);
    }
    const [first] = promises;
    if (!first || shares.size < promises.length) return undefined;
    const signed = aggregateShares(first.group, commitments, digests, shares);
    if (!signed.ok) {
      const blamed = promises.find(({ signer }) => signer === signed.refusal.facts['member']) ?? first;
      refusedBy.set(blamed.signer, signed.refusal);
      return undefined;
    }
    const signatures = signed.value.map(({ inputIndex, signature }) => ({
      inputIndex,
      signature: Buffer.from(signature).toString('hex'),
    }));
    await this.complete(messages, first.wallet, signatures);
    return signatures;
  }

  /** Each is told what came of its share. One that is not told counts the signing as failed, no more. */
  private async complete(
    messages: readonly SignedMessage[],
    wallet: string,
    signatures: readonly GroupSignature[],
  ): Promise<void> {
    await Promise.all(
      messages.map(async ({ message }) =>
        this.members.get(message.from)?.complete({ wallet, id: bodyOf(message.body, 'nonces').id, signatures }),
      ),
    );
  }
}

const newSession = (): string => randomBytes(32).toString('hex');

/** What others have said to a member, or to all. */
const heardBy = (member: string, messages: readonly SignedMessage[]): readonly SignedMessage[] =>
  messages.filter(({ message }) => message.from !== member && (message.to === null || message.to === member));

function bodyOf(body: SignedMessage['message']['body'], kind: 'nonces'): BodyOf<'nonces'> {
  if (body.kind !== kind) throw new TypeError(`a message of another round: ${body.kind}`);
  return body;
}

const ANOTHER_GROUP = refused('signer.answer-invalid', 'A member answered for another group than the others.').refusal;
const TOO_FEW = refused('signer.quorum-unavailable', 'Too few members of the group are left to sign.').refusal;
