import { checkQuorum } from '@bulkhead/approval';
import { isJson, pathsIn, type PolicyRequest } from '@bulkhead/cedar';
import type { CharterState, Governed } from '@bulkhead/charter';
import { accepted, canonicalJson, payloadDigest, type Refusal, type Result } from '@bulkhead/intent';
import type { AttestationStatement } from '../attestation.js';
import { decideOn } from '../cedar/decide.js';
import { policyRequest } from '../cedar/facts.js';
import { askPolicies, policiesInForce, sliceOf } from '../cedar/in-force.js';
import type { History } from '../evidence.js';
import { approvalContext, checkIntent, checkInvariants, type TransferRequest } from '../decide-transfer.js';

/** Why a transfer may or may not be signed, as far as policies go. */
export interface Explanation {
  /** The facts that every policy was asked about. */
  readonly facts: PolicyRequest;
  /** What attestors say of it: verified, and among the facts. */
  readonly attestations: readonly AttestationStatement[];
  readonly policies: readonly {
    readonly id: string;
    readonly effect: 'permit' | 'forbid';
    readonly quorum: string | null;
    readonly description: string | null;
    readonly answer: 'MATCHES' | 'DOES_NOT_MATCH' | 'ERRS';
    /** Each fact that it reads, by path, as it was told; null where there is none. */
    readonly reads: Readonly<Record<string, unknown>>;
  }[];
  /** All of them must be met; empty where nothing is permitted. */
  readonly quorums: readonly Governed[];
  /** What stands in the way: the policies' refusal, else that of the approvals given so far; null when nothing does. */
  readonly missing: Refusal | null;
}

/**
 * Asks every policy for itself about a transfer whose bytes hold to the invariants; what breaks one of those is refused,
 * since no policy was then asked.
 *
 * @param at RFC 3339 instant by the decider's own clock.
 */
export function explainTransfer(
  state: CharterState,
  request: TransferRequest,
  at: string,
  { velocity, testPaid }: History,
): Result<Explanation> {
  const { intent, proposal, payload, approvals, attestations } = request;
  const statements = attestations.map(({ statement }) => statement);
  const checked = checkIntent(state, intent, proposal, at);
  if (!checked.ok) return checked;
  const transfer = checkInvariants(state, checked.value, payload);
  if (!transfer.ok) return transfer;
  const facts = policyRequest(state, transfer.value, at, { velocity, testPaid, attestations });
  if (!facts.ok) return facts;
  const inForce = policiesInForce(state.policies, intent.owner, intent.wallet);
  const policies = [...inForce.rules].map(([id, { effect, quorum, description, json }]) => ({
    id,
    effect,
    quorum: quorum ?? null,
    description: description ?? null,
    answer: answerOf(id, inForce.texts.get(id) ?? '', facts.value),
    reads: Object.fromEntries([...pathsIn(json.conditions)].map((path) => [path, factAt(facts.value, path)])),
  }));
  const verdict = decideOn(state, inForce, facts.value, intent.purpose);
  const known = { facts: facts.value, attestations: statements, policies };
  if (!verdict.ok) return accepted({ ...known, quorums: [], missing: verdict.refusal });
  const { quorum, quorums } = verdict.value;
  const context = approvalContext(state, intent, checked.value.digest, payloadDigest(payload), at);
  const approved = checkQuorum(quorum, proposal, approvals, context);
  return accepted({ ...known, quorums, missing: approved.ok ? null : approved.refusal });
}

function answerOf(id: string, text: string, facts: PolicyRequest): Explanation['policies'][number]['answer'] {
  const alone = askPolicies(sliceOf([{ id, text, owner: null, wallet: null }]), facts);
  if (!alone.ok) return 'ERRS';
  return alone.value.permits.length + alone.value.forbids.length > 0 ? 'MATCHES' : 'DOES_NOT_MATCH';
}

/** The fact of a path: of an entity its attributes, like `resource.owner.estate`. */
function factAt({ principal, resource, context, entities }: PolicyRequest, path: string): unknown {
  const [variable = '', ...names] = path.split('.');
  let fact: unknown = { principal: { __entity: principal }, resource: { __entity: resource }, context }[variable];
  for (const name of names) {
    const entity = isJson(fact) ? fact['__entity'] : undefined;
    const below = isJson(entity)
      ? entities.find(({ uid }) => canonicalJson(uid) === canonicalJson(entity))?.attrs
      : fact;
    fact = isJson(below) ? below[name] : undefined;
  }
  return fact ?? null;
}
