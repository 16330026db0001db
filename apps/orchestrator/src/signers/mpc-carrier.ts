import { randomBytes } from 'node:crypto';
import {
  participantsOf,
  type FrostGroup,
  type InputDigest,
  type SessionTerms,
  type SignedMessage,
} from '@bulkhead/keys';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import type { TransferRequest } from '@bulkhead/policy';
import { GroupSigning, type GroupSigned, type OnDecision, type WantedSignature } from './group-signing.js';
import type { MpcMember, ProvenShare } from './mpc-member.js';

/**
 * Carries the messages of MPC groups between their members. The carrier is trusted with nothing: it can lose messages, and
 * so keep a group from coming about or from signing.
 */
export class MpcCarrier {
  /** The last signing of each wallet that has some under way. */
  private readonly turns = new Map<string, Promise<unknown>>();

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
   * Brings members to the shares that others of them use, where a refresh was cut off on its way through them: whoever uses
   * a share keeps what all have confirmed of it. Each decides by itself whether to believe that.
   */
  async catchUp(wallet: string, ids: readonly string[]): Promise<void> {
    const answers = await Promise.all(
      ids.map(async (id) => ({ id, answer: await this.members.get(id)?.group(wallet) })),
    );
    const held = answers.flatMap(({ id, answer }) => (answer?.ok ? [{ id, ...answer.value }] : []));
    const names = held.map(({ group }) => canonicalJson(group));
    const users = (group: FrostGroup) => names.filter((name) => name === canonicalJson(group)).length;
    const latestFirst = held.toSorted(
      ({ group: one }, { group: other }) =>
        other.epoch - one.epoch ||
        users(other) - users(one) ||
        canonicalJson(one).localeCompare(canonicalJson(other), 'en'),
    );
    for (const { id, group: own } of held) {
      for (const { group, confirmations } of latestFirst) {
        if (canonicalJson(group) === canonicalJson(own)) break;
        const active = await this.members.get(id)?.activate(group, heardBy(id, confirmations));
        if (active?.ok) break;
      }
    }
  }

  /**
   * A signature of the group; how, {@link GroupSigning} says. A wallet's signings come one after the other: to a member one
   * that is under way is one that has failed so far, and some of these in a row lock the group.
   */
  async sign(
    request: TransferRequest,
    wanted: WantedSignature,
    digests: readonly InputDigest[],
    onDecision: OnDecision,
  ): Promise<GroupSigned> {
    const { wallet } = request.intent;
    const catchUp = () => this.catchUp(wallet, wanted.members);
    const signing = new GroupSigning(this.members, catchUp, { request, ...wanted, digests, onDecision });
    const signed = (this.turns.get(wallet) ?? Promise.resolve()).then(() => signing.run());
    const turn = signed.catch(() => undefined);
    this.turns.set(wallet, turn);
    try {
      return await signed;
    } finally {
      if (this.turns.get(wallet) === turn) this.turns.delete(wallet);
    }
  }
}

const newSession = (): string => randomBytes(32).toString('hex');

/** What others have said to a member, or to all. */
const heardBy = (member: string, messages: readonly SignedMessage[]): readonly SignedMessage[] =>
  messages.filter(({ message }) => message.from !== member && (message.to === null || message.to === member));
