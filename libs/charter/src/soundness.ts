import {
  checkQuorumReachable,
  fewestPeople,
  isSoundKey,
  ROLES,
  type Groups,
  type Member,
  type Quorum,
} from '@bulkhead/approval';
import { accepted, chainOfAsset, refused, type Result } from '@bulkhead/intent';
import type { GenesisAct } from './acts.js';
import { checkDuties } from './duties.js';
import { LOOSENING, type Governed, type Limits, type Rules } from './governed.js';
import { usualDelay } from './governed-by.js';
import { isFirmChain } from './state.js';
import { isTighter } from './tighter-quorum.js';

const hasRepeats = (values: readonly string[]): boolean => new Set(values).size !== values.length;

/** What decides about everything else. */
export interface Constitution {
  readonly members: ReadonlyMap<string, Member>;
  readonly groups: Groups;
  readonly quorums: GenesisAct['quorums'];
  readonly limits: Limits;
  readonly rules: Rules;
}

/**
 * What must hold after every entry, the genesis included: no entry can make a quorum unreachable, break a floor, give two
 * people one key, or mix duties that are disjoint.
 */
export function checkConstitution(genesis: GenesisAct, constitution: Constitution): Result<true> {
  const members = [...constitution.members.values()];
  const named = checkMembers(members);
  if (!named.ok) return named;
  const grouped = checkGroups(constitution);
  if (!grouped.ok) return grouped;
  const { feeInvoices, testPayments = [] } = constitution.limits;
  for (const caps of [feeInvoices, testPayments]) {
    const assets = caps.map(({ asset }) => asset);
    if (hasRepeats(assets) || !assets.every((asset) => isFirmChain(genesis, chainOfAsset(asset)))) {
      return refused(
        'charter.malformed',
        'Fee invoices and test payments have one cap for an asset of the firm’s chains.',
      );
    }
  }
  for (const [name, quorum] of Object.entries(constitution.quorums)) {
    const governed = name as Governed;
    // what expires must not lock the firm out by the mere passing of time
    const lasting = members.filter(
      ({ keys, expiresAt }) => expiresAt === undefined && keys.some((key) => key.expiresAt === undefined),
    );
    const reachable = checkQuorumReachable(governed, quorum, lasting, constitution.groups);
    if (!reachable.ok) return reachable;
    const floors = checkFloors(governed, quorum, constitution.rules);
    if (!floors.ok) return floors;
    const duties = checkDuties(governed, quorum, members, constitution.groups);
    if (!duties.ok) return duties;
  }
  for (const check of [checkLookAlikes, checkDestruction, checkBreakGlass, checkTightening]) {
    const larger = check(constitution.quorums);
    if (!larger.ok) return larger;
  }
  return checkWaiting(constitution);
}

function checkMembers(members: readonly Member[]): Result<true> {
  const keys = members.flatMap((member) => member.keys);
  const repeated =
    hasRepeats(members.map((member) => member.id)) ||
    hasRepeats(members.map((member) => member.person)) ||
    hasRepeats(keys.map((key) => key.publicKey)) ||
    hasRepeats(keys.flatMap((key) => (key.scheme === 'webauthn' ? [key.credentialId] : []))) ||
    members.some((member) => hasRepeats(member.keys.map((key) => key.id)));
  if (repeated) return refused('charter.id-taken', 'Members, people and keys are each named once.');
  const badKey = keys.find((key) => !isSoundKey(key));
  return badKey
    ? refused('charter.malformed', 'A member’s key is not a sound point of its curve.', {
        key: badKey.id,
        scheme: badKey.scheme,
      })
    : accepted(true);
}

/** Groups are of members who decide: no role’s name is taken, nobody is named twice or unknown, no machine is in one. */
function checkGroups({ groups, members }: Constitution): Result<true> {
  for (const [id, named] of groups) {
    if ((ROLES as readonly string[]).includes(id)) {
      return refused('charter.id-taken', 'A role has this name.', { group: id });
    }
    for (const member of named) {
      const role = members.get(member)?.role;
      if (role === undefined) {
        return refused('approval.unknown-member', 'No such member in the charter.', { member, group: id });
      }
      if (role === 'attestor') {
        return refused('charter.duties-mixed', 'An attestor decides nothing and is in no group.', {
          member,
          group: id,
        });
      }
    }
  }
  return accepted(true);
}

function checkFloors(governed: Governed, quorum: Quorum, { fewestApprovers, fewestGroups }: Rules): Result<true> {
  const people = fewestPeople(quorum);
  const groups = Math.min(...quorum.anyOf.map((requirements) => requirements.length));
  return people >= fewestApprovers && groups >= fewestGroups
    ? accepted(true)
    : refused('charter.below-floor', 'A quorum asks for fewer people or groups than the firm’s floor.', {
        quorum: governed,
        approvers: String(people),
        groups: String(groups),
        floor: `${fewestApprovers} people of ${fewestGroups} groups`,
      });
}

/**
 * What could be mistaken for a known address is looked at by more people than another destination, and by all whom that
 * one asks: an auditor of one client does not know the other clients' addresses, and judges by the usual quorum.
 */
function checkLookAlikes(quorums: GenesisAct['quorums']): Result<true> {
  const { 'destination.approve': usual, 'destination.approve-look-alike': larger } = quorums;
  if (!larger) return accepted(true);
  if (usual && fewestPeople(larger) > fewestPeople(usual) && isTighter(usual, larger)) return accepted(true);
  return refused(
    'charter.below-floor',
    'A look-alike takes more people than another destination, of every group that it asks, and nobody else starts it.',
    {
      quorum: 'destination.approve-look-alike',
      approvers: String(fewestPeople(larger)),
      other: 'destination.approve',
    },
  );
}

/** What cannot be undone at all takes more people than what leaves the key in its token. */
function checkDestruction(quorums: GenesisAct['quorums']): Result<true> {
  const { 'key.retire': retiring, 'key.destroy': destroying } = quorums;
  if (!retiring || !destroying || fewestPeople(destroying) > fewestPeople(retiring)) return accepted(true);
  return refused('charter.below-floor', 'Destroying a key takes more people than retiring it.', {
    quorum: 'key.destroy',
    approvers: String(fewestPeople(destroying)),
    other: 'key.retire',
  });
}

/** Whoever can break the glass is more people than any other decision takes. */
function checkBreakGlass(quorums: GenesisAct['quorums']): Result<true> {
  const quorum = quorums['break-glass'];
  if (!quorum) return accepted(true);
  const people = fewestPeople(quorum);
  const asMany = Object.entries(quorums).find(
    ([name, other]) => name !== 'break-glass' && fewestPeople(other) >= people,
  );
  return asMany === undefined
    ? accepted(true)
    : refused('charter.below-floor', 'The quorum for break-glass is larger than every other.', {
        quorum: 'break-glass',
        approvers: String(people),
        other: asMany[0],
      });
}

/** What tightens, and what loosens the same again. */
const OPPOSITES: readonly (readonly [Governed, Governed])[] = [
  ['destination.revoke', 'destination.approve'],
  ['member.revoke', 'member.enrol'],
  ['signer.retire', 'signer.enrol'],
  ['mpc-wallet.withdraw', 'mpc-wallet.reshare'],
  ['quorum.tighten', 'quorum.loosen'],
  ['limits.lower', 'limits.raise'],
  ['rules.tighten', 'rules.loosen'],
  ['key.suspend', 'key.activate'],
  ['freeze', 'unfreeze'],
  ['pending.veto', 'pending.enact'],
];

/** Stopping something never takes more people than letting it go on. */
function checkTightening(quorums: GenesisAct['quorums']): Result<true> {
  for (const [tightens, loosens] of OPPOSITES) {
    const { [tightens]: smaller, [loosens]: larger } = quorums;
    if (!smaller || !larger || fewestPeople(smaller) <= fewestPeople(larger)) continue;
    return refused('charter.below-floor', 'What tightens takes no more people than what loosens.', {
      quorum: loosens,
      approvers: String(fewestPeople(larger)),
      other: tightens,
    });
  }
  return accepted(true);
}

/** Where something waits out a delay, somebody can end it and somebody can put it into force. */
function checkWaiting({ quorums, rules }: Constitution): Result<true> {
  const waits = LOOSENING.find(
    (name) => !name.startsWith('destination.approve') && quorums[name] && usualDelay(rules, name) > 0,
  );
  const missing = (['pending.enact', 'pending.veto'] as const).find((name) => !quorums[name]);
  return waits === undefined || missing === undefined
    ? accepted(true)
    : refused('charter.quorum-unreachable', 'Something waits out a delay, and nobody can decide on it then.', {
        quorum: missing,
        waits,
      });
}
