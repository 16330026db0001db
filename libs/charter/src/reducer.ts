import { checkApproval, checkProposal, checkQuorum, type Approval, type ApprovalContext } from '@bulkhead/approval';
import {
  accepted,
  checkLife,
  intentDigest,
  isBitcoinChain,
  isEthereumChain,
  refused,
  ZERO_DIGEST,
  type Digest,
  type Result,
} from '@bulkhead/intent';
import { Map as ImmutableMap, Set as ImmutableSet } from 'immutable';
import type { Act, GenesisAct } from './acts.js';
import { applyAct, chainOfAct } from './apply-act.js';
import { firstPolicies } from './apply-policy.js';
import { checkSigners } from './apply-signers.js';
import { charterEntrySchema, entryHash, FIRM_CHAIN, type CharterEntry, type CharterIntent } from './entry.js';
import { STARTED_BY_ENGINEERS, USUAL_RULES, WRITTEN_BY_COMPLIANCE } from './governed.js';
import { delayOf, governedBy } from './governed-by.js';
import { addPending, dropOvertaken } from './pending.js';
import { checkConstitution, type Constitution } from './soundness.js';
import { enactmentAt, firmHead, quorumFor, type CharterState } from './state.js';

type BreakGlassAct = Extract<Act, { kind: 'break-glass' }>;

/**
 * The charter's one reducer. The orchestrator, each signer and the offline verifier run it alike: an entry is accepted
 * only at its place in its chain, on the firm head that it names, with its approvals verified against the state before
 * it.
 *
 * @param state the state so far, or undefined when the entry must be the genesis.
 */
export function applyEntry(state: CharterState | undefined, candidate: unknown): Result<CharterState> {
  const parsed = charterEntrySchema.safeParse(candidate);
  if (!parsed.success) {
    return refused('charter.malformed', 'Not a charter entry.', {
      problem: parsed.error.issues[0]?.message ?? 'unknown',
    });
  }
  const entry = parsed.data;
  if (!state) return applyGenesis(entry);
  const placed = checkPlace(state, entry);
  if (!placed.ok) return placed;
  const timely = checkTime(state, entry);
  if (!timely.ok) return timely;
  const approved = checkApprovals(state, entry);
  if (!approved.ok) return approved;
  const next = enact(state, entry);
  if (!next.ok) return next;
  const { chain, sequence, id } = entry.intent;
  return accepted({
    ...next.value,
    heads: state.heads.set(chain, { sequence, hash: entryHash(entry) }),
    enactedAt: state.enactedAt.set(chain, entry.enactedAt),
    intents: state.intents.add(id),
  });
}

/** Puts an act into force, or, when it loosens and has a delay, on the list of what waits: sound as things stand now. */
function enact(state: CharterState, { intent, enactedAt }: CharterEntry): Result<CharterState> {
  const { act, id, chain } = intent;
  const next = applyAct(state, act, enactedAt);
  if (!next.ok || act.kind === 'genesis') return next;
  const delaySeconds = delayOf(state, act);
  if (delaySeconds > 0) return accepted(addPending(state, id, { act, chain }, enactedAt, delaySeconds));
  const inForce = actInForce(state, intent);
  return accepted(inForce ? dropOvertaken(next.value, inForce, chain) : next.value);
}

/** What an entry puts into force: its act, one that has waited, or the one of an emergency; undefined when it waits itself. */
export function actInForce(
  before: CharterState,
  { act }: Pick<CharterIntent, 'act'>,
): Exclude<Act, { kind: 'genesis' }> | undefined {
  if (act.kind === 'genesis' || delayOf(before, act) > 0) return undefined;
  const begun = act.kind === 'pending.enact' ? before.pending.get(act.intent)?.act : act;
  return begun?.kind === 'break-glass' ? begun.act : begun;
}

/** No gap, no fork, no rollback, no entry of another firm, and none built on a firm state that has passed. */
function checkPlace(state: CharterState, { intent }: CharterEntry): Result<true> {
  const head = state.heads.get(intent.chain);
  const facts = { chain: intent.chain, sequence: String(intent.sequence), head: String(head?.sequence ?? -1) };
  if (intent.firm !== state.firm) return refused('intent.wrong-firm', 'The entry belongs to another firm.', facts);
  if (intent.act.kind === 'genesis') return refused('charter.fork', 'A charter has one genesis.', facts);
  if (chainOfAct(state, intent.act) !== intent.chain) {
    return refused('charter.act-not-allowed', 'This act does not belong on this chain.', facts);
  }
  const expected = head ? head.sequence + 1 : 0;
  if (intent.sequence > expected) return refused('charter.gap', 'Entries before this one are missing.', facts);
  if (intent.sequence < expected) return refused('charter.rollback', 'The chain is past this place.', facts);
  if (intent.previous !== (head?.hash ?? ZERO_DIGEST)) {
    return refused('charter.fork', 'The entry does not follow from the one before it.', facts);
  }
  const firm = firmHead(state);
  if (intent.firmHead?.sequence !== firm.sequence || intent.firmHead.hash !== firm.hash) {
    return refused('charter.firm-head-stale', 'The firm’s charter has moved since; propose it anew.', {
      ...facts,
      firmHead: String(firm.sequence),
    });
  }
  if (state.intents.has(intent.id)) return refused('charter.id-taken', 'This intent has been enacted.', facts);
  return accepted(true);
}

/** Nobody signs when an entry is enacted; but a delay is not cut by saying that it began before there was anything to enact. */
function checkTime(state: CharterState, { intent, enactedAt }: CharterEntry): Result<true> {
  const earliest = enactmentAt(state, intent, intent.createdAt);
  return enactedAt >= earliest
    ? accepted(true)
    : refused(
        'charter.enacted-in-past',
        'An entry is not enacted before it was proposed, nor before those it follows.',
        {
          enactedAt,
          earliest,
        },
      );
}

function checkApprovals(state: CharterState, entry: CharterEntry): Result<true> {
  const { act, initiator } = entry.intent;
  if (act.kind === 'genesis') return refused('charter.fork', 'A charter has one genesis.');
  const governed = governedBy(state, act);
  const quorum = quorumFor(state, governed);
  if (!quorum)
    return refused('charter.act-not-allowed', 'The charter names no quorum for this act.', { act: governed });
  const digest = intentDigest(entry.intent);
  const context = approvalContext(entry, digest, state, firmHead(state).sequence);
  const living = checkLife(entry.intent, entry.enactedAt);
  if (!living.ok) return living;
  const checked = checkQuorum(quorum, entry.proposal, entry.approvals, context);
  if (!checked.ok) return checked;
  return act.kind === 'break-glass' ? checkEmergencyDuty(state, act, initiator) : accepted(true);
}

/** An emergency lets nobody start what is another duty's: compliance writes policies, engineers bring signers. */
function checkEmergencyDuty(state: CharterState, glass: BreakGlassAct, initiator: string): Result<true> {
  const governed = governedBy(state, glass.act);
  const role = state.members.get(initiator)?.role;
  const mixed =
    (WRITTEN_BY_COMPLIANCE.includes(governed) && role !== 'compliance') ||
    (STARTED_BY_ENGINEERS.includes(governed) && role !== 'engineer');
  return mixed
    ? refused('charter.duties-mixed', 'Also in an emergency this is started by those whose duty it is.', {
        act: governed,
        initiator,
      })
    : accepted(true);
}

const approvalContext = (
  entry: CharterEntry,
  digest: Digest,
  { firm, members, groups }: Pick<ApprovalContext, 'firm' | 'members' | 'groups'>,
  charterSequence: number,
): ApprovalContext => ({
  firm,
  intent: digest,
  payload: digest,
  initiator: entry.intent.initiator,
  charterSequence,
  charterSequenceExact: true,
  members,
  groups,
  at: entry.enactedAt,
});

/** The first entry: signed by every member that it names, and sound in itself. */
function applyGenesis(entry: CharterEntry): Result<CharterState> {
  const { intent } = entry;
  const { act } = intent;
  if (act.kind !== 'genesis') return refused('charter.gap', 'A charter starts with its genesis.');
  const atStart =
    intent.chain === FIRM_CHAIN &&
    intent.sequence === 0 &&
    intent.previous === ZERO_DIGEST &&
    intent.firm === ZERO_DIGEST &&
    intent.firmHead === null;
  if (!atStart) return refused('charter.fork', 'A genesis follows nothing.');
  const sound = checkGenesis(act);
  if (!sound.ok) return sound;
  const living = checkLife(intent, entry.enactedAt);
  if (!living.ok) return living;
  const { members, groups, rules } = constitutionOf(act);
  const signed = checkSignedByAll(entry, members);
  if (!signed.ok) return signed;
  const policies = firstPolicies(act);
  if (!policies.ok) return policies;
  const hash = entryHash(entry);
  return accepted({
    firm: hash,
    genesis: act,
    members,
    groups,
    rules,
    signers: new Map(act.signers.map((signer) => [signer.id, { ...signer, retired: false }])),
    calendar: act.calendar,
    quorums: act.quorums,
    limits: act.limits,
    heads: ImmutableMap([[FIRM_CHAIN, { sequence: 0, hash }]]),
    enactedAt: ImmutableMap([[FIRM_CHAIN, entry.enactedAt]]),
    intents: ImmutableSet([intent.id]),
    owners: ImmutableMap(),
    wallets: ImmutableMap(),
    assets: ImmutableMap(),
    addresses: ImmutableMap(),
    destinations: ImmutableMap(),
    destinationIds: ImmutableSet(),
    revokedDestinations: ImmutableMap(),
    shapes: ImmutableMap(),
    publicKeys: ImmutableMap(),
    replacements: ImmutableMap(),
    formerKeys: ImmutableMap(),
    resharings: ImmutableMap(),
    keyLives: ImmutableMap(),
    keyReviews: ImmutableMap(),
    policies: policies.value,
    removedPolicies: ImmutableMap(),
    frozen: ImmutableMap(),
    pending: ImmutableMap(),
    retired: ImmutableSet(),
  });
}

/** There is no quorum yet that could decide for others: each member that the genesis names has signed it. */
function checkSignedByAll(entry: CharterEntry, members: ApprovalContext['members']): Result<true> {
  const groups = new Map<string, ReadonlySet<string>>();
  const context = approvalContext(entry, intentDigest(entry.intent), { firm: ZERO_DIGEST, members, groups }, 0);
  const opened = checkProposal(entry.proposal, context);
  if (!opened.ok) return opened;
  const signedBy = new Set([opened.value.member]);
  for (const approval of entry.approvals) {
    const checked = checkApproval(approval, context);
    if (!checked.ok) return checked;
    if (checked.value.decision !== 'APPROVE') {
      return refused('approval.rejected', 'A member has not approved the genesis.', { member: checked.value.member });
    }
    signedBy.add(checked.value.member);
  }
  const missing = [...members.keys()].filter((id) => !signedBy.has(id));
  return missing.length === 0
    ? accepted(true)
    : refused('approval.quorum-not-met', 'Every member signs the genesis.', { missing: missing.join(', ') });
}

/** What a genesis says of who decides; what it does not say is as usual. */
function constitutionOf({ members, groups = [], quorums, limits, rules }: GenesisAct): Constitution {
  return {
    members: new Map(members.map((member) => [member.id, member])),
    groups: new Map(groups.map((group) => [group.id, new Set(group.members)])),
    quorums,
    limits,
    rules: { ...USUAL_RULES, ...rules },
  };
}

/** Whether a genesis is sound in itself, whoever signs it. */
export function checkGenesis(act: GenesisAct): Result<true> {
  const signers = checkSigners(act.signers);
  if (!signers.ok) return signers;
  if (!isBitcoinChain(act.bitcoin) || !isEthereumChain(act.ethereum)) {
    return refused('charter.malformed', 'A firm names one Bitcoin chain and one EVM chain.', {
      bitcoin: act.bitcoin,
      ethereum: act.ethereum,
    });
  }
  const { groups = [], members } = act;
  const constitution = constitutionOf(act);
  if (constitution.groups.size !== groups.length || constitution.members.size !== members.length) {
    return refused('charter.id-taken', 'Members and groups are each named once.');
  }
  return checkConstitution(act, constitution);
}

/**
 * Would this intent be enacted as the charter stands, were its quorum complete? For the moment of proposal.
 *
 * @param at RFC 3339 instant of the proposal.
 */
export function previewIntent(
  state: CharterState,
  intent: CharterIntent,
  proposal: Approval,
  at: string,
): Result<CharterState> {
  const entry: CharterEntry = { v: 1, intent, proposal, approvals: [], enactedAt: at };
  const placed = checkPlace(state, entry);
  if (!placed.ok) return placed;
  const approved = checkApprovals(state, entry);
  if (!approved.ok && approved.refusal.code !== 'approval.quorum-not-met') return approved;
  return applyAct(state, intent.act, at);
}
