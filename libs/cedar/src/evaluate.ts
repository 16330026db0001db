import { accepted, refused, type Result } from '@bulkhead/intent';
import { isAuthorized, preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { parsePolicy } from './language.js';
import { contextReader, pathsIn } from './paths.js';
import type { PolicyRequest } from './request.js';
import { wrongFact } from './shape.js';

/** Policies that are decided on together, by id. Made once, then handed to {@link matchPolicies} again and again. */
export interface PolicySlice {
  readonly texts: ReadonlyMap<string, string>;
}

/** Which policies match, by id. Where one forbids, Cedar does not say which would have permitted. */
export interface Matches {
  readonly permits: readonly string[];
  readonly forbids: readonly string[];
}

/** Cedar keeps what it has parsed under a name for ever: a fixed number of names is used over and over. */
const PLACES = 256;
const places = new Map<PolicySlice, Place>();
let nextPlace = 0;

interface Place {
  readonly name: string;
  /** What each policy reads, by its id. */
  readonly pathsById: ReadonlyMap<string, ReadonlySet<string>>;
  /** The facts that the policies read, out of all: handing the others over would take most of the time. */
  readonly read: ReturnType<typeof contextReader>;
}

/**
 * The longest that one evaluation of a slice may take, in milliseconds: two thousand times what a thousand policies take.
 * Cedar always ends (no loops, and texts, their nesting and slices are bounded), but not always soon.
 */
export const MOST_EVALUATION_MS = 1_000;
const MOST_NAMED = 20;

/**
 * Evaluates policies over facts. Cedar skips a policy that errors, which would let a forbid fall silent: so all facts are
 * held against the schema, and any error at all, of any policy, refuses and names the policy at fault: the one that
 * errs, those that read a fact which is not as in the schema, the slowest when all took too long.
 *
 * @param clockMs a clock that only goes forward, in milliseconds
 */
export function matchPolicies(
  slice: PolicySlice,
  request: PolicyRequest,
  clockMs: () => number = () => performance.now(),
): Result<Matches> {
  if (slice.texts.size === 0) return accepted({ permits: [], forbids: [] });
  try {
    const place = placeOf(slice);
    if (!place.ok) return place;
    const wrong = wrongFact(request);
    const { name, read, pathsById } = place.value;
    if (wrong !== undefined) return failed(readersOf(pathsById, wrong), `${wrong} is not as in the schema`);
    const context = read(request.context) as PolicyRequest['context'];
    const startedMs = clockMs();
    const answer = statefulIsAuthorized({ ...request, context, preparsedPolicySetId: name });
    if (clockMs() - startedMs > MOST_EVALUATION_MS)
      return failed(slowestOf(slice, request, clockMs), `it took longer than ${MOST_EVALUATION_MS} ms`);
    if (answer.type === 'failure') return failed('', answer.errors[0]?.message ?? 'unknown');
    const { decision, diagnostics } = answer.response;
    const [error] = diagnostics.errors;
    if (error) return failed(error.policyId, error.error.message);
    const reasons = [...diagnostics.reason].sort();
    return accepted(decision === 'allow' ? { permits: reasons, forbids: [] } : { permits: [], forbids: reasons });
  } catch (error) {
    return failed('', error instanceof Error ? error.message : String(error));
  }
}

/** Where Cedar keeps this slice; parses it there when it is not, or no longer, kept. */
function placeOf(slice: PolicySlice): Result<Place> {
  const kept = places.get(slice);
  if (kept !== undefined) return accepted(kept);
  const pathsById = new Map<string, ReadonlySet<string>>();
  for (const [id, text] of slice.texts) {
    const rule = parsePolicy(text);
    if (!rule.ok) return failed(id, rule.refusal.facts['problem'] ?? 'not a policy');
    pathsById.set(id, pathsIn(rule.value.json));
  }
  const name = String(nextPlace);
  nextPlace = (nextPlace + 1) % PLACES;
  for (const [other, place] of places) if (place.name === name) places.delete(other);
  const parsed = preparsePolicySet(name, { staticPolicies: Object.fromEntries(slice.texts) });
  if (parsed.type === 'failure') return failed('', parsed.errors[0]?.message ?? 'unknown');
  const place: Place = { name, pathsById, read: contextReader([...pathsById.values()].flatMap((paths) => [...paths])) };
  places.set(slice, place);
  return accepted(place);
}

/** Policies that read a fact, above it, or below it; all of them where it is not one of the context. */
function readersOf(pathsById: Place['pathsById'], fact: string): string {
  const isWithin = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(`${outer}.`);
  const readers = [...pathsById]
    .filter(([, paths]) => [...paths].some((path) => isWithin(path, fact) || isWithin(fact, path)))
    .map(([id]) => id);
  return (readers.length > 0 ? readers : [...pathsById.keys()]).slice(0, MOST_NAMED).join(', ');
}

/** Each by itself, to name the one that takes longest. */
function slowestOf({ texts }: PolicySlice, request: PolicyRequest, clockMs: () => number): string {
  const took = [...texts].map(([id, text]): [string, number] => {
    const startedMs = clockMs();
    isAuthorized({ ...request, policies: { staticPolicies: { [id]: text } } });
    return [id, clockMs() - startedMs];
  });
  return took.sort(([, one], [, other]) => other - one)[0]?.[0] ?? '';
}

const failed = (policy: string, problem: string): Result<never> =>
  refused('policy.error', 'The policies cannot be decided on these facts, so the answer is no.', {
    policy,
    problem: problem.slice(0, 500),
  });
