import { accepted, refused, type Result } from '@bulkhead/intent';
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
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
  /** The facts that the policies read, out of all: handing the others over would take most of the time. */
  readonly read: ReturnType<typeof contextReader>;
}

/**
 * Evaluates policies over facts. Cedar skips a policy that errors, which would let a forbid fall silent: so all facts are
 * held against the schema, and any error at all, of any policy, refuses and names the policy at fault.
 */
export function matchPolicies(slice: PolicySlice, request: PolicyRequest): Result<Matches> {
  if (slice.texts.size === 0) return accepted({ permits: [], forbids: [] });
  try {
    const place = placeOf(slice);
    if (!place.ok) return place;
    const wrong = wrongFact(request);
    if (wrong !== undefined) return failed('', `${wrong} is not as in the schema`);
    const { name, read } = place.value;
    const context = read(request.context) as PolicyRequest['context'];
    const answer = statefulIsAuthorized({ ...request, context, preparsedPolicySetId: name });
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
  const paths = new Set<string>();
  for (const [id, text] of slice.texts) {
    const rule = parsePolicy(text);
    if (!rule.ok) return failed(id, rule.refusal.facts['problem'] ?? 'not a policy');
    pathsIn(rule.value.json, paths);
  }
  const name = String(nextPlace);
  nextPlace = (nextPlace + 1) % PLACES;
  for (const [other, place] of places) if (place.name === name) places.delete(other);
  const parsed = preparsePolicySet(name, { staticPolicies: Object.fromEntries(slice.texts) });
  if (parsed.type === 'failure') return failed('', parsed.errors[0]?.message ?? 'unknown');
  const place: Place = { name, read: contextReader(paths) };
  places.set(slice, place);
  return accepted(place);
}

const failed = (policy: string, problem: string): Result<never> =>
  refused('policy.error', 'The policies cannot be decided on these facts, so the answer is no.', {
    policy,
    problem: problem.slice(0, 500),
  });
