import { accepted, refused, type Result } from '@bulkhead/intent';
import { preparsePolicySet, preparseSchema, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicyRequest } from './request.js';
import { POLICY_SCHEMA } from './schema.js';

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
const SCHEMA_NAME = 'bulkhead';
const places = new Map<PolicySlice, string>();
let nextPlace = 0;
let schemaParsed = false;

/**
 * Evaluates policies over facts. Cedar skips a policy that errors, which would let a forbid fall silent: so the facts are
 * held against the schema, and any error at all, of any policy, refuses and names the policy at fault.
 */
export function matchPolicies(slice: PolicySlice, request: PolicyRequest): Result<Matches> {
  if (slice.texts.size === 0) return accepted({ permits: [], forbids: [] });
  try {
    const place = placeOf(slice);
    if (!place.ok) return place;
    const answer = statefulIsAuthorized({
      ...request,
      preparsedSchemaName: SCHEMA_NAME,
      validateRequest: true,
      preparsedPolicySetId: place.value,
    });
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
function placeOf(slice: PolicySlice): Result<string> {
  const kept = places.get(slice);
  if (kept !== undefined) return accepted(kept);
  if (!schemaParsed) {
    const schema = preparseSchema(SCHEMA_NAME, POLICY_SCHEMA);
    if (schema.type === 'failure') throw new Error('the published schema does not parse');
    schemaParsed = true;
  }
  const name = String(nextPlace);
  nextPlace = (nextPlace + 1) % PLACES;
  for (const [other, place] of places) if (place === name) places.delete(other);
  const parsed = preparsePolicySet(name, { staticPolicies: Object.fromEntries(slice.texts) });
  if (parsed.type === 'failure') return failed('', parsed.errors[0]?.message ?? 'unknown');
  places.set(slice, name);
  return accepted(name);
}

const failed = (policy: string, problem: string): Result<never> =>
  refused('policy.error', 'The policies cannot be decided on these facts, so the answer is no.', {
    policy,
    problem: problem.slice(0, 500),
  });
