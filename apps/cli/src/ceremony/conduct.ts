import type { Approval, Decision, Member } from '@bulkhead/approval';
import { entryHash, type CharterEntry } from '@bulkhead/charter';
import {
  checkContent,
  type CeremonyBody,
  type CeremonyMode,
  type CeremonyStep,
  type Facts,
  type FinishedCeremony,
  type OpenResult,
  type Transcript,
} from '@bulkhead/evidence';
import { orThrow, ZERO_DIGEST, type Digest } from '@bulkhead/intent';
import { Failure } from '../stack/index.js';
import { TranscriptFile } from './transcript-file.js';

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
  /** Digest of the plan that it follows; undefined where its steps are all that was decided before. */
  readonly plan: Digest | undefined;
  readonly steps: readonly RunBookStep[];
  /** The genesis entry that the last step has made, with its hash as the fact `genesis`; undefined where none is made. */
  readonly genesis: (so: Transcript) => CharterEntry | undefined;
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
  readonly mode: CeremonyMode;
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
    let transcript = record.transcript ?? open(record, book, people);
    requireSameBook(transcript, book, people);
    for (const step of book.steps.slice(transcript.signed.length)) {
      people.tell(`\n${step.id}: ${step.title}`);
      if (!transcript.open) {
        record.append({ kind: 'result', step: step.id, facts: await attempt(record, step, transcript) });
      }
      transcript = await signed(record, book, people);
    }
    if (!transcript.closed) {
      const genesis = book.genesis(transcript);
      orThrow(checkContent(transcript, genesis));
      transcript = record.append({ kind: 'closed', genesis: genesis ?? null });
    }
    const firm = transcript.genesis ? entryHash(transcript.genesis) : book.firm;
    if (!firm) throw new Error('a ceremony outside of a firm that made none');
    return { ...transcript, firm };
  } finally {
    record.close();
  }
}

const open = (record: TranscriptFile, book: RunBook, { mode }: People): Transcript =>
  record.append(openingOf(book, mode));

/** The first line of a ceremony's transcript. */
export const openingOf = (
  { name, firm, plan, members, steps }: RunBook,
  mode: CeremonyMode,
): Extract<CeremonyBody, { kind: 'opened' }> => ({
  kind: 'opened',
  runBook: name,
  firm: firm ?? null,
  members: [...members],
  steps: steps.map(({ id, title, performer, witness }) => ({ id, title, performer, witness })),
  mode,
  ...(plan === undefined ? {} : { plan }),
});

/** Neither a run book nor its plan can change under a ceremony that has begun, nor can people become a folder. */
function requireSameBook(
  { opened }: Transcript,
  { name, firm, plan, steps, members }: RunBook,
  { mode }: People,
): void {
  const now = steps.map(({ id, performer, witness }) => `${id} ${performer} ${witness}`);
  const then = opened.steps.map(({ id, performer, witness }) => `${id} ${performer} ${witness}`);
  const people = (all: readonly Member[]): string =>
    all.map(({ id, keys }) => id + keys.map((key) => key.publicKey).join()).join();
  const sameBook = opened.runBook === name && now.join() === then.join() && opened.firm === (firm ?? null);
  if (!sameBook || people(members) !== people(opened.members))
    throw new Failure('The transcript is of another run book, or of other people.', 'Begin a new transcript.');
  if (opened.plan !== plan) {
    throw new Failure(
      `The transcript is of plan ${opened.plan ?? 'none'}, and the plan given now is ${plan ?? 'none'}.`,
      'Give the plan that was agreed, or begin a new transcript.',
    );
  }
  if (opened.mode !== mode)
    throw new Failure(`The transcript was begun as ${opened.mode ?? 'no'} ceremony, and this is a ${mode} one.`);
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
  if (shown) show(people, shown.facts);
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

/** Puts facts before whoever is asked to sign them; nothing in them can move a cursor or hide a line. */
export function show({ tell }: Pick<People, 'tell'>, facts: Facts): void {
  const visible = (text: string): string =>
    text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (hidden) => `\\u{${hidden.codePointAt(0)?.toString(16) ?? ''}}`);
  for (const [name, value] of Object.entries(facts)) tell(`  ${visible(name)}: ${visible(value)}`);
}

/** What a ceremony's statements say: the bytes are a line's hash, and where no firm is there yet, its place is zeros. */
export const ceremonyTerms = ({ firm, hash }: Pick<Question, 'firm' | 'hash'>) =>
  ({ firm: firm ?? ZERO_DIGEST, intent: hash, payload: hash, charterSequence: 0 }) as const;
