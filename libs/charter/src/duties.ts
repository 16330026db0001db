import { isIn, type Groups, type Member, type Quorum, type Role } from '@bulkhead/approval';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { DUTY_OF_COMPLIANCE, STARTED_BY_ENGINEERS, WRITTEN_BY_COMPLIANCE, type Governed } from './governed.js';

/**
 * Duties are disjoint, by the people that a quorum’s groups are of: who writes a policy, who approves transfers and who
 * operates signers are three; and who spends never decides alone how much may be spent.
 */
export function checkDuties(
  governed: Governed,
  { initiators, anyOf }: Quorum,
  members: readonly Member[],
  groups: Groups,
): Result<true> {
  const rolesOf = (group: string): ReadonlySet<Role> =>
    new Set(members.filter((member) => isIn(member, group, groups)).map(({ role }) => role));
  const isOnly = (group: string, role: Role): boolean => [...rolesOf(group)].every((one) => one === role);
  const inEach = (holds: (group: string) => boolean): boolean =>
    anyOf.every((requirements) => requirements.some(({ group }) => holds(group)));
  const named = [...initiators, ...anyOf.flat().map(({ group }) => group)];
  const mixed = (detail: string): Result<true> => refused('charter.duties-mixed', detail, { quorum: governed });

  if (named.some((group) => rolesOf(group).has('attestor'))) {
    return mixed('Attestors state facts; they start and approve nothing.');
  }
  if (DUTY_OF_COMPLIANCE.includes(governed) && !inEach((group) => isOnly(group, 'compliance'))) {
    return mixed('This is not for operators alone: a compliance officer approves it.');
  }
  if (WRITTEN_BY_COMPLIANCE.includes(governed)) {
    const written = initiators.every((group) => isOnly(group, 'compliance'));
    const confirmed = inEach((group) => !rolesOf(group).has('compliance'));
    if (!written || !confirmed) return mixed('Compliance alone writes policy, and another duty confirms it.');
  }
  if (STARTED_BY_ENGINEERS.includes(governed) && !initiators.every((group) => isOnly(group, 'engineer'))) {
    return mixed('Engineers, who operate signers, start this, and nobody else.');
  }
  if (governed.startsWith('transfer.')) {
    if (named.some((group) => rolesOf(group).has('engineer'))) return mixed('Who operates signers moves no money.');
    if (!inEach((group) => isOnly(group, 'operator'))) {
      return mixed('Transfers are approved by operators; compliance can only be asked besides.');
    }
  }
  return accepted(true);
}
