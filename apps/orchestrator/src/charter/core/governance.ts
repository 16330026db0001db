import { mayInitiate, type Quorum } from '@bulkhead/approval';
import {
  applyAct,
  chainOfAct,
  delayOf,
  governedBy,
  quorumFor,
  type Act,
  type ChainName,
  type CharterState,
  type Governed,
} from '@bulkhead/charter';
import { refused, type Refusal } from '@bulkhead/intent';
import { checkActPolicies } from '@bulkhead/policy';

/** Who decides an act, as the charter stands, and how long it then waits. */
export interface Governance {
  readonly chain: ChainName;
  /** Null for a genesis, which every member signs. */
  readonly governedBy: Governed | null;
  /** Null when the charter names none: nobody can enact it. */
  readonly quorum: Quorum | null;
  readonly delaySeconds: number;
}

export function governanceOf(state: CharterState, act: Act): Governance {
  const chain = chainOfAct(state, act);
  if (act.kind === 'genesis') return { chain, governedBy: null, quorum: null, delaySeconds: 0 };
  const governed = governedBy(state, act);
  return {
    chain,
    governedBy: governed,
    quorum: quorumFor(state, governed) ?? null,
    delaySeconds: delayOf(state, act),
  };
}

/** Why an act could not be enacted as the charter stands, or not be started by this member; undefined when it could. */
export function obstacle(state: CharterState, act: Act, initiator: string, at: string): Refusal | undefined {
  const { quorum, governedBy: governed } = governanceOf(state, act);
  const next = applyAct(state, act, at);
  if (!next.ok) return next.refusal;
  if (!quorum) {
    return refused('charter.act-not-allowed', 'The charter names no quorum for this act.', {
      act: governed ?? act.kind,
    }).refusal;
  }
  const member = state.members.get(initiator);
  if (!member || !mayInitiate(quorum, member, state.groups)) {
    return refused('approval.not-eligible', 'This member’s role may not start this.', {
      member: initiator,
      initiators: quorum.initiators.join(', '),
    }).refusal;
  }
  const proven = checkActPolicies(state, act, at);
  return proven.ok ? undefined : proven.refusal;
}
