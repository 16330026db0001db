import { accepted, canonicalJson, refused, ZERO_DIGEST, type Digest, type Result } from '@bulkhead/intent';
import { blamed, type Dealing, type Outcome } from './dealing.js';
import { type FrostGroup, type FrostKey } from './group.js';
import { KeyGeneration } from './key-generation.js';
import {
  type BodyOf,
  EphemeralKey,
  type Expected,
  type Fingerprints,
  type FrostMessage,
  type MemberIdentity,
  openMessage,
  type SignedMessage,
  signMessage,
  transcriptOf,
} from './message.js';
import { Resharing } from './resharing.js';
import { participantsOf, type SessionTerms, termsDigest } from './terms.js';

export interface Participant {
  readonly member: string;
  readonly identity: MemberIdentity;
  readonly fingerprints: Fingerprints;
  /** The share to be dealt anew, for a dealer of a resharing. */
  readonly key?: FrostKey | undefined;
}

/** Which session, and which announcements of it, a message belongs to. */
export interface SessionPlace {
  readonly terms: Digest;
  readonly transcript: Digest;
}

export interface Concluded extends Outcome {
  /** What this member confirms to all; none of one that leaves. */
  readonly message: SignedMessage | undefined;
  readonly place: SessionPlace;
}

type Step = 'announced' | 'dealt' | 'over';

/**
 * One member's part in a session: announce, deal, confirm, in this order and each once. It lives in memory only,
 * and after a refusal of any step it is over: its secrets cannot be used again.
 *
 * Refusals: `mpc.message-invalid` (not from that member, not of this session), `mpc.member-blamed` (a member's own message
 * is wrong: facts name it), `mpc.session-unknown` (a step out of order).
 */
export class FrostSession {
  private readonly digest: Digest;
  private readonly ephemeral = new EphemeralKey();
  private readonly others: readonly string[];
  private dealing: Dealing | undefined;
  private step: Step | undefined;
  private peers = new Map<string, BodyOf<'announce'>>();
  private transcript = ZERO_DIGEST;

  /** Throws when the member has no part in the session. */
  constructor(
    readonly terms: SessionTerms,
    private readonly self: Participant,
  ) {
    const participants = participantsOf(terms);
    if (!participants.includes(self.member)) throw new Error(`${self.member} has no part in this session`);
    this.digest = termsDigest(terms);
    this.others = participants.filter((member) => member !== self.member);
    this.dealing =
      terms.purpose === 'generate'
        ? new KeyGeneration(terms, self.member)
        : new Resharing(terms, self.member, self.key);
  }

  /** Round 1, for everybody. */
  announce(): Result<SignedMessage> {
    const dealing = this.enter(undefined, 'announced');
    if (!dealing.ok) return dealing;
    return accepted(this.sign(this.announcement(dealing.value)));
  }

  /** Round 2, one message for each member that is to have a share; `announcements` are those of all the others. */
  deal(announcements: readonly SignedMessage[]): Result<readonly SignedMessage[]> {
    return this.guarded('announced', 'dealt', (dealing) => {
      const expected = { kind: 'announce', to: null, ...this.place() } as const;
      const announced = openEach(announcements, this.others, expected, this.self.fingerprints);
      if (!announced.ok) return announced;
      this.peers = announced.value;
      const checked = dealing.hear(new Map([...this.peers].map(([member, body]) => [member, body.dealer])));
      if (!checked.ok) return checked;
      this.transcript = transcriptOf([...announcements.map(({ message }) => message), this.announcement(dealing)]);
      const receivers = this.terms.members.filter((member) => member !== this.self.member);
      const deals: SignedMessage[] = [];
      for (const member of receivers) {
        const share = dealing.shareFor(member);
        if (share === undefined) continue;
        const deal = this.dealTo(member, share);
        if (!deal.ok) return deal;
        deals.push(deal.value);
      }
      return accepted(deals);
    });
  }

  /**
   * Round 3; `deals` are those to this member, none for one that leaves. The session is over with it. The key is to be kept
   * safely before the message leaves, and used only once {@link checkConfirmations} has accepted everybody else's.
   */
  confirm(deals: readonly SignedMessage[]): Result<Concluded> {
    return this.guarded('dealt', 'over', (dealing) => {
      const isReceiver = this.terms.members.includes(this.self.member);
      const dealers = this.others.filter((member) => this.peers.get(member)?.dealer != null);
      const expected = { kind: 'deal', to: this.self.member, ...this.place() } as const;
      const bodies = openEach(deals, isReceiver ? dealers : [], expected, this.self.fingerprints);
      if (!bodies.ok) return bodies;
      const shares = new Map<string, Uint8Array>();
      for (const [member, body] of bodies.value) {
        const header = { ...this.header(this.self.member), from: member };
        const share = this.ephemeral.open(this.peers.get(member)?.ephemeral ?? '', header, body);
        if (share === undefined) return blamed(member, 'its share cannot be decrypted');
        shares.set(member, share);
      }
      const outcome = dealing.conclude(shares);
      if (!outcome.ok) return outcome;
      const { group, key } = outcome.value;
      const { member, identity } = this.self;
      const message = isReceiver ? confirmGroup(group, member, this.place(), identity) : undefined;
      this.forget();
      return accepted({ group, key, message, place: this.place() });
    });
  }

  /** Ends the session for good. */
  abort(): void {
    this.forget();
  }

  private forget(): void {
    this.step = 'over';
    this.dealing?.forget();
    this.dealing = undefined;
  }

  private guarded<T>(from: Step, to: Step, act: (dealing: Dealing) => Result<T>): Result<T> {
    const dealing = this.enter(from, to);
    const result = dealing.ok ? act(dealing.value) : dealing;
    if (!result.ok) this.abort();
    return result;
  }

  private enter(from: Step | undefined, to: Step): Result<Dealing> {
    if (this.step !== from || this.dealing === undefined) return outOfOrder();
    this.step = to;
    return accepted(this.dealing);
  }

  private announcement(dealing: Dealing): FrostMessage {
    const body = { kind: 'announce', ephemeral: this.ephemeral.publicKey, dealer: dealing.announce() } as const;
    return { ...this.header(null), transcript: ZERO_DIGEST, body };
  }

  private dealTo(member: string, share: Uint8Array): Result<SignedMessage> {
    const header = this.header(member);
    const body = this.ephemeral.seal(this.peers.get(member)?.ephemeral ?? '', header, share);
    share.fill(0);
    return body ? accepted(this.sign({ ...header, body })) : blamed(member, 'its key is none to encrypt to');
  }

  private header(to: string | null): Omit<FrostMessage, 'body'> {
    return { v: 1, terms: this.digest, transcript: this.transcript, from: this.self.member, to };
  }

  private sign(message: FrostMessage): SignedMessage {
    return signMessage(message, this.self.identity);
  }

  private place(): SessionPlace {
    return { terms: this.digest, transcript: this.transcript };
  }
}

/** A member's word that it keeps its share of a group that came of a session; it can be given again for as long as it does. */
export const confirmGroup = (
  group: FrostGroup,
  from: string,
  place: SessionPlace,
  identity: MemberIdentity,
): SignedMessage => signMessage({ v: 1, ...place, from, to: null, body: { kind: 'confirm', group } }, identity);

/**
 * Whether every other member of a new group has come to the same one, in the same session. Everybody has kept its share
 * by then, so the group may be used, and the shares that it takes the place of destroyed.
 */
export function checkConfirmations(
  group: FrostGroup,
  self: string,
  place: SessionPlace,
  messages: readonly SignedMessage[],
  fingerprints: Fingerprints,
): Result<true> {
  const others = group.members.filter((member) => member !== self);
  const bodies = openEach(messages, others, { kind: 'confirm', to: null, ...place }, fingerprints);
  if (!bodies.ok) return bodies;
  const own = canonicalJson(group);
  for (const [member, body] of bodies.value)
    if (canonicalJson(body.group) !== own) return blamed(member, 'it has come to another group');
  return accepted(true);
}

/** One message from each of `members`, and no other. */
export function openEach<Kind extends 'announce' | 'deal' | 'confirm' | 'using'>(
  messages: readonly SignedMessage[],
  members: readonly string[],
  expected: Expected<Kind>,
  fingerprints: Fingerprints,
): Result<Map<string, BodyOf<Kind>>> {
  const opened = new Map<string, BodyOf<Kind>>();
  for (const message of messages) {
    const body = openMessage(message, expected, fingerprints);
    if (!body.ok) return body;
    const { from } = message.message;
    if (opened.has(from)) return notOne(from, 'two messages');
    if (!members.includes(from)) return notOne(from, 'it has no part in this round');
    opened.set(from, body.value);
  }
  const missing = members.find((member) => !opened.has(member));
  return missing === undefined ? accepted(opened) : notOne(missing, 'no message');
}

const notOne = (member: string, problem: string): Result<never> =>
  refused('mpc.message-invalid', 'A round needs one message of each member that has a part in it.', {
    member,
    problem,
  });

const outOfOrder = (): Result<never> =>
  refused('mpc.session-unknown', 'The session is over, or this is not its next step: start another one.');
