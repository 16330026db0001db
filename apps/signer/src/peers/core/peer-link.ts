import { randomBytes } from 'node:crypto';
import type { Approval } from '@bulkhead/approval';
import { charterEntrySchema, type CharterEntry, type ChainName, type CharterState } from '@bulkhead/charter';
import { accepted, refused, type Digest, type Result } from '@bulkhead/intent';
import { sealProblem } from '@bulkhead/policy';
import { z } from 'zod';
import type { CharterReplica } from '../../charter/core/charter-replica.js';
import type { Clock } from '../../clock.js';
import type { IdentitySeal } from '../../identity-seal.js';
import type { SignerIdentity } from '../../signer-identity.js';
import type { LogTip } from '../../token-memory/core/token-memory.js';
import type { PeerLog } from '../persistence/peer-log.js';
import {
  answerDigest,
  MOST_SUBJECTS,
  questionDigest,
  sealedAnswerSchema,
  type Answer,
  type Question,
  type Tentative,
} from './exchange.js';
import { PeerClient } from './peer-client.js';

/** What a request to sign has to be told by the others. */
export interface Subject {
  readonly chains: readonly ChainName[];
  /** Transfer intents of which the objections are asked for; none for gas, against which nobody objects. */
  readonly intents: readonly Digest[];
}

/** What another signer has said: its answer is verified and its decisions stored, the objections in it are not yet. */
export interface Heard {
  readonly signer: string;
  readonly objections: readonly Approval[];
  readonly heads: Answer['heads'];
  readonly tentatives: readonly Tentative[];
}

export interface LinkParts {
  readonly identity: SignerIdentity;
  readonly clock: Clock;
  readonly seal: IdentitySeal;
  readonly charter: CharterReplica;
  readonly log: PeerLog;
}

const TIMEOUT_MS = 2_000;
/** So much of a long history is caught up with in one question; the next goes on. */
const MOST_PAGES = 25;
const entriesPageSchema = z.strictObject({ entries: z.array(charterEntrySchema), more: z.boolean() });

/**
 * One other signer, asked one question at a time. Those who come while one is under way share the next: an answer is
 * never older than the wish for it.
 */
export class PeerLink {
  private running: Promise<unknown> = Promise.resolve();
  private next: { readonly subjects: Subject[]; readonly heard: Promise<Result<Heard>> } | undefined;
  private client: PeerClient | undefined;
  private cursor: LogTip | undefined;

  constructor(
    readonly id: string,
    private readonly url: string,
    private readonly parts: LinkParts,
  ) {}

  ask(subject: Subject): Promise<Result<Heard>> {
    this.next ??= this.afterThisOne();
    this.next.subjects.push(subject);
    return this.next.heard;
  }

  private afterThisOne(): NonNullable<PeerLink['next']> {
    const subjects: Subject[] = [];
    const heard = this.running.then(() => {
      this.next = undefined;
      return this.hear(subjects);
    });
    this.running = heard.catch(() => undefined);
    return { subjects, heard };
  }

  /** Charter entries of the peer that came after the one of the hash, in the order in which it applied them. */
  async entriesAfter(hash: Digest): Promise<Result<{ entries: CharterEntry[]; more: boolean }>> {
    const client = this.open();
    if (!client.ok) return client;
    const page = await client.value.ask('GET', `/v1/charter/entries?after=${hash}`);
    if (!page.ok) return page;
    const parsed = entriesPageSchema.safeParse(page.value);
    return parsed.success ? accepted(parsed.data) : this.invalid('no charter entries');
  }

  close(): void {
    this.client?.close();
  }

  private async hear(subjects: readonly Subject[]): Promise<Result<Heard>> {
    if (subjects.length > MOST_SUBJECTS)
      return refused('request.too-many', 'Too many requests to sign at once.', { most: String(MOST_SUBJECTS) });
    const first = await this.exchange(subjects);
    if (!first.ok) return first;
    const { heads, tentatives, objections, tip } = first.value;
    for (let page = 1; (this.cursor?.count ?? 0) < tip.count; page += 1) {
      if (page === MOST_PAGES) return this.invalid('its history is long: more of it is read with the next question');
      const more = await this.exchange([]);
      if (!more.ok) return more;
      if (more.value.records.length === 0) return this.invalid('it keeps decisions back');
    }
    return accepted({ signer: this.id, heads, tentatives, objections });
  }

  /** One question and its answer, verified; the decisions in it are followed. */
  private async exchange(subjects: readonly Subject[]): Promise<Result<Answer>> {
    const client = this.open();
    if (!client.ok) return client;
    this.cursor ??= await this.parts.log.cursor(this.id);
    const question = this.question(subjects, this.cursor);
    const seal = this.parts.seal.over(questionDigest(question));
    const given = await client.value.ask('POST', '/v1/exchange', { question, ...seal });
    if (!given.ok) return given;
    const answer = this.verified(given.value, question, client.value.tlsFingerprint);
    if (!answer.ok) return answer;
    const { tip, records } = answer.value;
    const followed = await this.parts.log.follow(this.id, this.cursor, records);
    if (!followed.ok) return followed;
    this.cursor = followed.value;
    const { count, hash } = this.cursor;
    return tip.count < count || (tip.count === count && tip.hash !== hash)
      ? this.invalid('it tells another history than before')
      : answer;
  }

  private question(subjects: readonly Subject[], after: LogTip): Question {
    const { identity, clock } = this.parts;
    return {
      v: 1,
      firm: identity.firm,
      from: identity.id,
      to: this.id,
      nonce: randomBytes(32).toString('hex'),
      at: clock.now(),
      chains: [...new Set(subjects.flatMap(({ chains }) => chains))],
      intents: [...new Set(subjects.flatMap(({ intents }) => intents))],
      after,
    };
  }

  /** The answer is the peer's own, and to this very question. */
  private verified(candidate: unknown, question: Question, tlsFingerprint: string): Result<Answer> {
    const parsed = sealedAnswerSchema.safeParse(candidate);
    if (!parsed.success) return this.invalid('it is no answer');
    const { answer, ...seal } = parsed.data;
    if (answer.signer !== this.id || answer.question !== questionDigest(question))
      return this.invalid('it is the answer to another question');
    const problem = sealProblem(answerDigest(answer), seal, tlsFingerprint);
    return problem === undefined ? accepted(answer) : this.invalid(problem);
  }

  /** The connection to whoever the charter names now. */
  private open(): Result<PeerClient> {
    const state = this.parts.charter.current();
    const fingerprint = state.ok ? fingerprintOf(state.value, this.id) : undefined;
    if (fingerprint === undefined)
      return refused('charter.unknown-signer', 'The charter names no such signer in service.', { signer: this.id });
    if (this.client?.tlsFingerprint !== fingerprint) {
      this.client?.close();
      this.client = new PeerClient(this.url, fingerprint, TIMEOUT_MS);
    }
    return accepted(this.client);
  }

  private invalid(problem: string): Result<never> {
    return refused('signer.peer-invalid', 'Another signer’s answer is not believed.', { signer: this.id, problem });
  }
}

/** Of a signer in service. */
export function fingerprintOf(state: CharterState, id: string): string | undefined {
  const signer = state.signers.get(id);
  return signer && !signer.retired ? signer.tlsFingerprint : undefined;
}
