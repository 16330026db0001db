import { checkQuorumReachable, isSoundKey, type Member, type Quorum } from '@bulkhead/approval';
import { accepted, chainOfAsset, refused, type Result } from '@bulkhead/intent';
import type { GenesisAct } from './acts.js';
import { DUTY_OF_COMPLIANCE, WRITTEN_BY_COMPLIANCE, type Governed, type Limits } from './governed.js';
import { isFirmChain } from './state.js';

const hasRepeats = (values: readonly string[]): boolean => new Set(values).size !== values.length;

/** What must hold of a firm's members and rules after every entry, the genesis included. */
export interface Rules {
  readonly members: readonly Member[];
  readonly quorums: GenesisAct['quorums'];
  readonly limits: Limits;
}

/** No entry can make a quorum unreachable, break a floor, give two people one key, or mix duties that are disjoint. */
export function checkRules(genesis: GenesisAct, { members, quorums, limits }: Rules): Result<true> {
  const keys = members.flatMap((member) => member.keys);
  const repeated =
    hasRepeats(members.map((member) => member.id)) ||
    hasRepeats(members.map((member) => member.person)) ||
    hasRepeats(keys.map((key) => key.publicKey)) ||
    hasRepeats(keys.flatMap((key) => (key.scheme === 'webauthn' ? [key.credentialId] : []))) ||
    members.some((member) => hasRepeats(member.keys.map((key) => key.id)));
  if (repeated) return refused('charter.id-taken', 'Members, people and keys are each named once.');
  const badKey = keys.find((key) => !isSoundKey(key));
  if (badKey) {
    return refused('charter.malformed', 'A member’s key is not a sound point of its curve.', {
      key: badKey.id,
      scheme: badKey.scheme,
    });
  }
  const invoiced = limits.feeInvoices.map(({ asset }) => asset);
  if (hasRepeats(invoiced) || !invoiced.every((asset) => isFirmChain(genesis, chainOfAsset(asset)))) {
    return refused('charter.malformed', 'Fee invoices have one cap for each asset of the firm’s chains.');
  }
  for (const [governed, quorum] of Object.entries(quorums)) {
    const sound = checkQuorumRules(genesis, governed as Governed, quorum, members);
    if (!sound.ok) return sound;
  }
  return accepted(true);
}

function checkQuorumRules(
  genesis: GenesisAct,
  governed: Governed,
  quorum: Quorum,
  members: readonly Member[],
): Result<true> {
  // keys that expire must not lock the firm out by the mere passing of time
  const lasting = members.filter(({ keys }) => keys.some((key) => key.expiresAt === undefined));
  const reachable = checkQuorumReachable(governed, quorum, lasting);
  if (!reachable.ok) return reachable;
  const approvers = quorum.requires.reduce((sum, { threshold }) => sum + threshold, 0);
  const floor = genesis.fewestApprovers ?? 1;
  if (approvers < floor) {
    return refused('charter.below-floor', 'A quorum asks for fewer people than the firm’s floor.', {
      quorum: governed,
      approvers: String(approvers),
      floor: String(floor),
    });
  }
  if (DUTY_OF_COMPLIANCE.includes(governed) && !quorum.requires.some(({ role }) => role === 'compliance')) {
    return refused('charter.duties-mixed', 'This is not for operators alone: a compliance officer approves it.', {
      quorum: governed,
    });
  }
  const byComplianceAlone = quorum.initiators.every((role) => role === 'compliance');
  const confirmed = quorum.requires.some(({ role }) => role !== 'compliance');
  if (WRITTEN_BY_COMPLIANCE.includes(governed) && !(byComplianceAlone && confirmed)) {
    return refused('charter.duties-mixed', 'Compliance alone writes policy, and another duty confirms it.', {
      quorum: governed,
    });
  }
  return accepted(true);
}
