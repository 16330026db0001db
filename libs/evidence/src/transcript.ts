import { approvalSchema, checkApproval, checkProposal, memberSchema, type ApprovalContext } from '@bulkhead/approval';
import { applyEntry, charterEntrySchema, entryHash, type CharterEntry } from '@bulkhead/charter';
import {
  accepted,
  canonicalJson,
  digestJson,
  digestSchema,
  instantSchema,
  refused,
  slugSchema,
  textSchema,
  ZERO_DIGEST,
  type Digest,
  type Result,
} from '@bulkhead/intent';
import { z } from 'zod';
import type { Facts } from './transcript-facts.js';

const stepSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9:-]{0,99}$/),
  title: textSchema.min(1).max(200),
  performer: slugSchema,
  witness: slugSchema,
});
export type CeremonyStep = z.infer<typeof stepSchema>;

/** Long enough for a calendar with its holidays, or a group with its members. */
const factsSchema = z.record(textSchema.max(100), textSchema.max(20_000));

/** Members at a terminal with keys of their own; everybody’s key in one folder; answers of the development firm. */
export const CEREMONY_MODES = ['terminal', 'rehearsal', 'development'] as const;
export type CeremonyMode = (typeof CEREMONY_MODES)[number];

const bodySchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('opened'),
    runBook: textSchema.min(1).max(100),
    /** The firm whose ceremony it is; null before there is one, in a genesis ceremony. */
    firm: digestSchema.nullable(),
    /** Everybody whose signature can stand in the transcript, with their keys. */
    members: z.array(memberSchema).min(2).max(200),
    steps: z.array(stepSchema).min(1).max(500),
    /** What was decided before, announced hashes and wallets’ terms among it; a genesis ceremony always has one. */
    plan: digestSchema.optional(),
    mode: z.enum(CEREMONY_MODES).optional(),
  }),
  /** What was done and seen in a step; the next line that can follow is somebody's word on it. */
  z.strictObject({ kind: z.literal('result'), step: z.string(), facts: factsSchema }),
  /** PROPOSE by the performer, then APPROVE by the witness, of the result's hash. REJECT: the step is done again. */
  z.strictObject({ kind: z.literal('signed'), step: z.string(), approval: approvalSchema }),
  /** A check that did not hold, or an interruption: nothing counts of what was under way. */
  z.strictObject({ kind: z.literal('noted'), step: z.string().nullable(), note: textSchema.max(1_000) }),
  /** With the genesis that a genesis ceremony has led to. */
  z.strictObject({ kind: z.literal('closed'), genesis: charterEntrySchema.nullable() }),
]);
export type CeremonyBody = z.infer<typeof bodySchema>;

const lineSchema = z.strictObject({
  v: z.literal(1),
  sequence: z.int().min(0),
  /** Hash of the line before it; zeros in the first. */
  previous: digestSchema,
  at: instantSchema,
  body: bodySchema,
});
export type CeremonyLine = z.infer<typeof lineSchema>;

export interface SignedStep extends CeremonyStep {
  readonly facts: Facts;
  /** Hash of the line before the result: the transcript's head when the step began. */
  readonly after: Digest;
  readonly performedAt: string;
  readonly witnessedAt: string;
}

/** A result that waits for its performer, or its witness. */
export interface OpenResult {
  readonly step: CeremonyStep;
  readonly facts: Facts;
  readonly after: Digest;
  /** Hash of the result's line: what is signed. */
  readonly hash: Digest;
  readonly performedAt: string | undefined;
}

export interface Transcript {
  readonly opened: Extract<CeremonyBody, { kind: 'opened' }>;
  readonly openedAt: string;
  readonly lines: number;
  readonly head: Digest;
  readonly lastAt: string;
  readonly signed: readonly SignedStep[];
  readonly open: OpenResult | undefined;
  readonly closed: boolean;
  readonly genesis: CharterEntry | undefined;
}

export const lineHash = (line: CeremonyLine): Digest => digestJson('bulkhead/ceremony-line/v1', line);

/** The line that would follow. */
export const nextLine = (transcript: Transcript | undefined, at: string, body: CeremonyBody): CeremonyLine => ({
  v: 1,
  sequence: transcript?.lines ?? 0,
  previous: transcript?.head ?? ZERO_DIGEST,
  at,
  body,
});

/** A line's own bytes in the file: canonical JSON (RFC 8785) and a line feed. */
export const lineText = (line: CeremonyLine): string => `${canonicalJson(line)}\n`;

export const malformed = (detail: string, facts: Record<string, string> = {}) =>
  refused('ceremony.malformed', detail, facts);

/**
 * The one reducer of a transcript, used while the ceremony runs and by whoever checks it later. A step's result is taken
 * only when every step before it is signed by its performer and its witness, who are two people.
 */
export function applyLine(transcript: Transcript | undefined, candidate: unknown): Result<Transcript> {
  const parsed = lineSchema.safeParse(candidate);
  if (!parsed.success) {
    return malformed('Not a line of a transcript.', { problem: parsed.error.issues[0]?.message ?? 'unknown' });
  }
  const line = parsed.data;
  const facts = { line: String(line.sequence) };
  if (line.sequence !== (transcript?.lines ?? 0) || line.previous !== (transcript?.head ?? ZERO_DIGEST)) {
    return refused('ceremony.tampered', 'A line does not follow from the one before it.', facts);
  }
  if (!transcript) return open(line);
  if (line.at < transcript.lastAt) return refused('ceremony.tampered', 'A line is older than the one before.', facts);
  if (transcript.closed) return malformed('The ceremony is closed.', facts);
  const next = follow(transcript, line);
  if (!next.ok) return next;
  return accepted({ ...next.value, lines: transcript.lines + 1, head: lineHash(line), lastAt: line.at });
}

function open(line: CeremonyLine): Result<Transcript> {
  const { body, at } = line;
  if (body.kind !== 'opened') return malformed('A transcript begins with its opening.');
  const persons = new Map(body.members.map(({ id, person }) => [id, person]));
  for (const { id, performer, witness } of body.steps) {
    const [one, other] = [persons.get(performer), persons.get(witness)];
    if (one === undefined || other === undefined || one === other) {
      return malformed('Each step is performed and witnessed by two different people of the ceremony.', { step: id });
    }
  }
  if (new Set(body.steps.map(({ id }) => id)).size !== body.steps.length)
    return malformed('Steps are each named once.');
  return accepted({
    opened: body,
    openedAt: at,
    lines: 1,
    head: lineHash(line),
    lastAt: at,
    signed: [],
    open: undefined,
    closed: false,
    genesis: undefined,
  });
}

function follow(transcript: Transcript, line: CeremonyLine): Result<Transcript> {
  const { body } = line;
  switch (body.kind) {
    case 'opened':
      return malformed('A transcript is opened once.');
    case 'noted':
      return accepted(transcript);
    case 'result':
      return takeResult(transcript, body, line);
    case 'signed':
      return takeSignature(transcript, body, line.at);
    case 'closed':
      return close(transcript, body.genesis);
  }
}

function takeResult(
  transcript: Transcript,
  { step: id, facts }: Extract<CeremonyBody, { kind: 'result' }>,
  line: CeremonyLine,
): Result<Transcript> {
  if (transcript.open) return unsigned(transcript.open);
  const step = transcript.opened.steps[transcript.signed.length];
  if (step?.id !== id)
    return malformed('This is not the step that comes next.', { step: id, next: step?.id ?? 'none' });
  return accepted({
    ...transcript,
    open: { step, facts, after: line.previous, hash: lineHash(line), performedAt: undefined },
  });
}

/** The refusal of whatever comes after a result that is not signed by both. */
export const unsigned = ({ step, performedAt }: OpenResult): Result<never> =>
  refused('ceremony.step-unsigned', 'A step is not signed by its performer and its witness.', {
    step: step.id,
    missing: performedAt === undefined ? step.performer : step.witness,
  });

function takeSignature(
  transcript: Transcript,
  { step: id, approval }: Extract<CeremonyBody, { kind: 'signed' }>,
  at: string,
): Result<Transcript> {
  const { open: result, signed } = transcript;
  if (result?.step.id !== id) return malformed('There is no result of this step to sign.', { step: id });
  const { step, facts, after, performedAt } = result;
  const { decision, member } = approval.statement;
  const context = signingContext(transcript, result, at);
  if (decision === 'REJECT') {
    if (member !== step.performer && member !== step.witness) return malformed('Not of this step.', { member });
    const rejected = checkApproval(approval, context);
    return rejected.ok ? accepted({ ...transcript, open: undefined }) : rejected;
  }
  if (performedAt === undefined) {
    const performed = checkProposal(approval, context);
    return performed.ok ? accepted({ ...transcript, open: { ...result, performedAt: at } }) : performed;
  }
  if (decision !== 'APPROVE' || member !== step.witness) {
    return malformed('After its performer, a step is signed by its witness.', { step: id, member });
  }
  const witnessed = checkApproval(approval, context);
  if (!witnessed.ok) return witnessed;
  const done: SignedStep = { ...step, facts, after, performedAt, witnessedAt: at };
  return accepted({ ...transcript, signed: [...signed, done], open: undefined });
}

/** Before there is a firm, statements name the zero digest; and always a hash that only a line can have. */
const signingContext = ({ opened }: Transcript, { step, hash }: OpenResult, at: string): ApprovalContext => ({
  firm: opened.firm ?? ZERO_DIGEST,
  intent: hash,
  payload: hash,
  initiator: step.performer,
  charterSequence: 0,
  charterSequenceExact: true,
  members: new Map(opened.members.map((member) => [member.id, member])),
  groups: new Map(),
  at,
});

/** The end: every step is signed, and where a genesis was made, it is the one that the last step was signed for. */
function close(transcript: Transcript, genesis: CharterEntry | null): Result<Transcript> {
  if (transcript.open) return unsigned(transcript.open);
  const { signed, opened } = transcript;
  if (signed.length < opened.steps.length) {
    return refused('ceremony.incomplete', 'Steps are missing.', { next: opened.steps[signed.length]?.id ?? '' });
  }
  const made = genesis ? entryHash(genesis) : undefined;
  if (signed.at(-1)?.facts.genesis !== made || (opened.firm === null) !== (genesis !== null)) {
    return refused('ceremony.tampered', 'The last step was signed for another genesis.', { genesis: made ?? 'none' });
  }
  if (!genesis) return accepted({ ...transcript, closed: true });
  const state = applyEntry(undefined, genesis);
  if (!state.ok) return state;
  const stranger = opened.members.find(
    (member) => canonicalJson(state.value.members.get(member.id) ?? null) !== canonicalJson(member),
  );
  return stranger
    ? malformed('Somebody in the ceremony is no member by the same keys.', { member: stranger.id })
    : accepted({ ...transcript, closed: true, genesis });
}

/**
 * Reads a transcript, finished or not. Each line must be the canonical bytes of what it says.
 *
 * @returns the transcript, undefined for an empty text, and what stands behind the last whole line: a write that was
 *   cut off, never a line
 */
export function readTranscript(text: string): Result<{ transcript: Transcript | undefined; torn: string }> {
  const pieces = text.split('\n');
  const torn = pieces.pop() ?? '';
  let transcript: Transcript | undefined;
  for (const [place, piece] of pieces.entries()) {
    const candidate = parseLine(piece);
    if (candidate === undefined) return malformed('A line is not canonical JSON.', { line: String(place) });
    const next = applyLine(transcript, candidate);
    if (!next.ok) return next;
    transcript = next.value;
  }
  return accepted({ transcript, torn });
}

function parseLine(piece: string): unknown {
  try {
    const value: unknown = JSON.parse(piece);
    return canonicalJson(value) === piece ? value : undefined;
  } catch {
    return undefined;
  }
}
