import type { Approval, Decision, Member } from '@bulkhead/approval';
import { entryHash, type CharterEntry } from '@bulkhead/charter';
import type { CeremonyStep, FinishedCeremony, OpenResult, Transcript } from '@bulkhead/evidence';
import { ZERO_DIGEST, type Digest } from '@bulkhead/intent';
import { Failure } from '../stack/index.js';
import { TranscriptFile } from './transcript-file.js';

export type Facts = Readonly<Record<string, string>>;

/** A step of a run book. Doing it twice does no harm: after an interruption it is done again. */
export interface RunBookStep extends CeremonyStep {
  /** Does the step, or checks what it says. @throws Failure with what does not hold: the ceremony stops there */
  readonly run: (so: Transcript) => Promise<Facts>;
}

export interface RunBook {
  readonly name: string;
  readonly members: readonly Member[];
  /** The firm that it is held in; undefined for the ceremony that begins it. */
  readonly firm: Digest | undefined;
  readonly steps: readonly RunBookStep[];
  /** The genesis entry that the last step has made, with its hash as the fact `genesis`; undefined where none is made. */
  readonly genesis: () => CharterEntry | undefined;
}

/** What is put before somebody who is asked to sign. */
export interface Question {
  readonly step: CeremonyStep;
  readonly facts: Facts;
  readonly firm: Digest | undefined;
  readonly hash: Digest;
  readonly decision: Exclude<Decision, 'WITHDRAW'>;
}

/** The people of a ceremony: at their keyboard, or played by the development firm. */
export interface People {
  /** Their signed statement, or undefined when they do not give it now. */
  readonly sign: (member: Member, question: Question) => Promise<Approval | undefined>;
  readonly tell: (line: string) => void;
}

/**
 * Leads through a run book, from where its transcript ends. No step begins before the one before it is signed by its
 * performer and its witness.
 *
 * @throws Failure when a check does not hold or somebody does not sign; calling it again goes on from there
 */
export async function conduct(file: string, book: RunBook, people: People): Promise<FinishedCeremony> {
  const record = TranscriptFile.open(file);
  try {
    let transcript = record.transcript ?? open(record, book);
    requireSameBook(transcript, book);
    for (const step of book.steps.slice(transcript.signed.length)) {
      people.tell(`\n${step.id}: ${step.title}`);
      if (!transcript.open) {
        record.append({ kind: 'result', step: step.id, facts: await attempt(record, step, transcript) });
      }
      transcript = await signed(record, book, people);
    }
    if (!transcript.closed) transcript = record.append({ kind: 'closed', genesis: book.genesis() ?? null });
    const firm = transcript.genesis ? entryHash(transcript.genesis) : book.firm;
    if (!firm) throw new Error('a ceremony outside of a firm that made none');
    return { ...transcript, firm };
  } finally {
    record.close();
  }
}

const open = (record: TranscriptFile, { name, firm, members, steps }: RunBook): Transcript =>
  record.append({
    kind: 'opened',
    runBook: name,
    firm: firm ?? null,
    members: [...members],
    steps: steps.map(({ id, title, performer, witness }) => ({ id, title, performer, witness })),
  });

/** A run book cannot change under a ceremony that has begun. */
function requireSameBook({ opened }: Transcript, { name, firm, steps, members }: RunBook): void {
  const now = steps.map(({ id, performer, witness }) => `${id} ${performer} ${witness}`);
  const then = opened.steps.map(({ id, performer, witness }) => `${id} ${performer} ${witness}`);
  const people = (all: readonly Member[]): string =>
    all.map(({ id, keys }) => id + keys.map((key) => key.publicKey).join()).join();
  if (
    opened.runBook === name &&
    now.join() === then.join() &&
    people(members) === people(opened.members) &&
    opened.firm === (firm ?? null)
  )
    return;
  throw new Failure('The transcript is of another run book, or of other people.', 'Begin a new transcript.');
}

async function attempt(record: TranscriptFile, step: RunBookStep, transcript: Transcript): Promise<Facts> {
  try {
    return await step.run(transcript);
  } catch (error) {
    const note = error instanceof Error ? error.message : String(error);
    record.append({ kind: 'noted', step: step.id, note: note.slice(0, 1_000) });
    throw error;
  }
}

/** Asks the performer, then the witness; what they sign is on the disk before the next is asked. */
async function signed(record: TranscriptFile, { members, firm }: RunBook, people: People): Promise<Transcript> {
  let transcript = record.transcript;
  const shown = transcript?.open;
  if (shown) for (const [name, value] of Object.entries(shown.facts)) people.tell(`  ${name}: ${value}`);
  while (transcript?.open) {
    const { step, facts, hash, performedAt }: OpenResult = transcript.open;
    const [id, decision] =
      performedAt === undefined ? [step.performer, 'PROPOSE' as const] : [step.witness, 'APPROVE' as const];
    const member = members.find((candidate) => candidate.id === id);
    if (!member) throw new Error(`the run book has no ${id}`);
    const approval = await people.sign(member, { step, facts, firm, hash, decision });
    if (!approval) {
      throw new Failure(
        `Step ${step.id} is not signed by its ${decision === 'PROPOSE' ? 'performer' : 'witness'}, ${id}.`,
        'The ceremony stops here; the same command goes on from this step.',
      );
    }
    transcript = record.append({ kind: 'signed', step: step.id, approval });
    const rejected = approval.statement.decision === 'REJECT';
    people.tell(`  ${rejected ? 'rejected' : decision === 'PROPOSE' ? 'performed' : 'witnessed'} by ${id}`);
    if (rejected) throw new Failure(`${id} has rejected step ${step.id}.`, 'The same command does the step again.');
  }
  if (!transcript) throw new Error('a ceremony that was not opened');
  return transcript;
}

/** What a ceremony's statements say: the bytes are a line's hash, and where no firm is there yet, its place is zeros. */
export const ceremonyTerms = ({ firm, hash }: Pick<Question, 'firm' | 'hash'>) =>
  ({ firm: firm ?? ZERO_DIGEST, intent: hash, payload: hash, charterSequence: 0 }) as const;
