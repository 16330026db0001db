import { applyAct, type Act, type CharterState, type Governed } from '@bulkhead/charter';
import type { Approval } from '@bulkhead/approval';
import { accepted, type Payload, type RefusalCode, type Result, type TransferIntent } from '@bulkhead/intent';
import type { Attestation } from '../attestation.js';
import { decidePolicies } from '../cedar/decide.js';
import { checkIntent, checkInvariants } from '../decide-transfer.js';
import type { History } from '../evidence.js';

/** A transfer of the past, as it was put to the policies then. */
export interface PastTransfer {
  readonly intent: TransferIntent;
  readonly proposal: Approval;
  readonly payload: Payload;
  readonly attestations: readonly Attestation[];
  /** RFC 3339: the instant that it is decided at again. */
  readonly at: string;
  /** What had been paid before it. */
  readonly history: History;
}

/** What policies say of a transfer, approvals aside. */
export type Outcome =
  | { readonly decision: 'PERMIT'; readonly policies: readonly string[]; readonly quorums: readonly Governed[] }
  | { readonly decision: 'DENY'; readonly code: RefusalCode; readonly facts: Readonly<Record<string, string>> };

export interface ChangedDecision {
  readonly transfer: string;
  readonly at: string;
  readonly owner: string;
  readonly wallet: string;
  readonly asset: string;
  readonly amount: string;
  readonly to: string;
  readonly before: Outcome;
  readonly after: Outcome;
}

export interface BackTest {
  /** Transfers that were decided on twice. */
  readonly considered: number;
  /** Transfers that the charter of today refuses before any policy is asked: a wallet that is frozen, a key revoked since. */
  readonly notAsked: number;
  readonly changes: readonly ChangedDecision[];
}

/**
 * Decides past transfers anew, under the policies in force and under those with an act carried out: what differs is what
 * the act would have changed. All else is the charter of now, at the instant of each transfer.
 *
 * @param now RFC 3339: when the act would be carried out.
 */
export function backTest(
  state: CharterState,
  act: Act,
  transfers: Iterable<PastTransfer>,
  now: string,
): Result<BackTest> {
  const next = applyAct(state, act, now);
  if (!next.ok) return next;
  const changes: ChangedDecision[] = [];
  let [considered, notAsked] = [0, 0];
  for (const { intent, proposal, payload, attestations, at, history } of transfers) {
    const checked = checkIntent(state, intent, proposal, at);
    const transfer = checked.ok ? checkInvariants(state, checked.value, payload) : checked;
    if (!transfer.ok) {
      notAsked += 1;
      continue;
    }
    considered += 1;
    const evidence = { ...history, attestations };
    const [before, after] = [state, next.value].map((under) =>
      outcomeOf(decidePolicies(under, transfer.value, at, evidence)),
    );
    if (before && after && differ(before, after)) {
      const { id, owner, wallet, asset, amount, to } = intent;
      changes.push({ transfer: id, at, owner, wallet, asset, amount, to, before, after });
    }
  }
  return accepted({ considered, notAsked, changes });
}

/** A no for another reason is the same decision. */
const differ = (before: Outcome, after: Outcome): boolean =>
  !(before.decision === 'DENY' && after.decision === 'DENY') && JSON.stringify(before) !== JSON.stringify(after);

function outcomeOf(decided: ReturnType<typeof decidePolicies>): Outcome {
  if (!decided.ok) return { decision: 'DENY', code: decided.refusal.code, facts: decided.refusal.facts };
  const { permits, quorums } = decided.value;
  return { decision: 'PERMIT', policies: [...permits].sort(), quorums: [...quorums].sort() };
}
