import { accepted, refused, type Result } from '@bulkhead/intent';
import {
  formatPolicies,
  policySetTextToParts,
  policyToJson,
  validate,
  type DetailedError,
  type PolicyJson,
} from '@cedar-policy/cedar-wasm/nodejs';
import { POLICY_SCHEMA } from './schema.js';

/** A policy that has been read and held against the schema. */
export interface Rule {
  readonly effect: 'permit' | 'forbid';
  /** What a matching permit asks for besides: the name of a quorum of the charter. A forbid has none. */
  readonly quorum: string | undefined;
  readonly description: string | undefined;
  /** Cedar's own JSON form. */
  readonly json: PolicyJson;
}

/** Long enough for a person to read in one go. */
export const MAX_POLICY_LENGTH = 4_000;
/** Cedar's Long is 64 bits, but what JavaScript hands it is exact only up to here. */
const MAX_LONG = Number.MAX_SAFE_INTEGER;
/**
 * Cedar reads and evaluates by recursion, and is brought down by what nests a few hundred deep: so nothing that could is
 * handed to it. Brackets are counted wherever they stand; operators in a row nest as well.
 */
const MOST_BRACKETS = 100;
const MOST_CONDITIONALS = 30;
const DEEPEST = 200;
const ANNOTATIONS: readonly string[] = ['quorum', 'description'];
const REMEMBERED = 2_000;
const remembered = new Map<string, Result<Rule>>();

/**
 * Reads one policy strictly: one static policy, every name and type as in the schema, no warning left standing, a
 * permit with its `@quorum`, a forbid without. The same text always gives the same answer, so it is remembered.
 */
export function parsePolicy(text: string): Result<Rule> {
  const known = remembered.get(text);
  if (known) return known;
  const parsed = readPolicy(text);
  if (remembered.size >= REMEMBERED) remembered.clear();
  remembered.set(text, parsed);
  return parsed;
}

function readPolicy(text: string): Result<Rule> {
  const flat = checkFlat(text);
  if (!flat.ok) return flat;
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure') return invalid(messages(parts.errors));
  const [source, ...others] = parts.policies;
  if (source === undefined || others.length > 0 || parts.policy_templates.length > 0) {
    return invalid('An id names exactly one policy, and no template.');
  }
  const read = policyToJson(text);
  if (read.type === 'failure') return invalid(messages(read.errors));
  const { json } = read;
  if (depthOf(json) > DEEPEST) return invalid('It nests too deep.');
  const valid = checkTypes(text);
  if (!valid.ok) return valid;
  if (!hasExactNumbers(json)) return invalid(`A number is beyond ${MAX_LONG}.`);
  return ruleOf(json);
}

/** Whether a text can be handed to Cedar at all. */
function checkFlat(text: string): Result<true> {
  if (text.length > MAX_POLICY_LENGTH) return invalid(`A policy has at most ${MAX_POLICY_LENGTH} characters.`);
  const brackets = text.match(/[([{]/g)?.length ?? 0;
  if (brackets > MOST_BRACKETS) return invalid(`A policy has at most ${MOST_BRACKETS} brackets.`);
  const conditionals = text.match(/\bif\b/g)?.length ?? 0;
  return conditionals > MOST_CONDITIONALS ? invalid(`A policy has at most ${MOST_CONDITIONALS} ifs.`) : accepted(true);
}

/** How deep JSON nests, counted without recursion. */
function depthOf(json: unknown): number {
  let depth = 0;
  let level: unknown[] = [json];
  while (level.length > 0) {
    depth += 1;
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? (Object.values(value) as unknown[]) : [],
    );
  }
  return depth;
}

/** Strict validation against the schema. Warnings (a policy that can never apply, look-alike letters) refuse as well. */
function checkTypes(text: string): Result<true> {
  const answer = validate({ schema: POLICY_SCHEMA, policies: { staticPolicies: { policy: text } } });
  if (answer.type === 'failure') return invalid(messages(answer.errors));
  const problems = [...answer.validationErrors, ...answer.validationWarnings].map(({ error }) => error);
  return problems.length === 0 ? accepted(true) : invalid(messages(problems));
}

function ruleOf(json: PolicyJson): Result<Rule> {
  const annotations = json.annotations ?? {};
  const unknown = Object.keys(annotations).find((name) => !ANNOTATIONS.includes(name));
  if (unknown !== undefined) return invalid(`Unknown annotation @${unknown}.`);
  const { quorum, description } = annotations;
  if (json.effect === 'permit' && quorum === undefined) return invalid('A permit names its quorum: @quorum("…").');
  if (json.effect === 'forbid' && quorum !== undefined) return invalid('A forbid has no quorum: nothing lifts it.');
  return accepted({ effect: json.effect, quorum, description, json });
}

/** The policy in its one layout, or why it cannot be read. */
export function formatPolicy(text: string): Result<string> {
  const flat = checkFlat(text);
  if (!flat.ok) return flat;
  const read = policyToJson(text);
  if (read.type === 'success' && depthOf(read.json) > DEEPEST) return invalid('It nests too deep.');
  const formatted = formatPolicies({ policyText: text, lineWidth: 120, indentWidth: 2 });
  return formatted.type === 'success'
    ? accepted(`${formatted.formatted_policy.trimEnd()}\n`)
    : invalid(messages(formatted.errors));
}

function hasExactNumbers(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return typeof value !== 'bigint';
  return Object.values(value).every(hasExactNumbers);
}

const messages = (errors: readonly DetailedError[]): string =>
  errors.map(({ message, help }) => (help === null ? message : `${message} (${help})`)).join('; ') || 'not a policy';

const invalid = (problem: string): Result<never> =>
  refused('policy.invalid', 'Not a policy that can be put into force.', { problem: problem.slice(0, 1_000) });
