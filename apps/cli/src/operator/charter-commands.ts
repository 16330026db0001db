import type { Decision } from '@bulkhead/approval';
import {
  actSchema,
  applyAct,
  chainOfAct,
  charterIntentSchema,
  delayOf,
  governedBy,
  quorumFor,
  usualDelay,
  type Act,
  type CharterState,
  type Governed,
} from '@bulkhead/charter';
import { intentDigest } from '@bulkhead/intent';
import type { Command } from 'commander';
import type { CharterIntentView } from '../api/custody-client.js';
import { z } from 'zod';
import { Failure, readJsonFile } from '../stack/index.js';
import { adviceOn, describeAct, duration, quorumInWords } from './charter-words.js';
import { charterEntries, replayCharter } from './charter-replica.js';
import { AS, openSession, type As, type Session } from './session.js';
import { table } from './table.js';

interface Following extends As {
  readonly approve?: string;
}

const APPROVE = ['--approve <members>', 'who approves it at once, comma-separated'] as const;
const EXIT = '\nExit status 0: done; 1: refused, and the error output says why and what to do.';

/** Governance from a terminal: what is in force, what waits, and every act on it. */
export function addCharterCommands(program: Command): void {
  const charter = program.command('charter').description('read the charter, propose changes to it and decide on them');
  charter
    .command('show')
    .description('what is in force: members, quorums, rules, limits, freezes, signers')
    .option(...AS)
    .action(async ({ as }: As) => {
      show(await replayCharter(await openSession(as)));
    });
  charter
    .command('entries')
    .description('every entry, in the order of enactment')
    .option(...AS)
    .action(async ({ as }: As) => {
      await entries(await openSession(as));
    });
  charter
    .command('pending')
    .description('what waits: for approvals, or until its delay is over')
    .option(...AS)
    .action(async ({ as }: As) => {
      await pending(await openSession(as));
    });
  charter
    .command('propose <act.json>')
    .description('propose an act (JSON, see docs/api.md): shows what it does, who decides it and how long it waits')
    .option('--dry-run', 'show only', false)
    .option(...APPROVE)
    .option(...AS)
    .addHelpText('after', EXIT)
    .action(async (file: string, options: Following & { readonly dryRun: boolean }) => {
      await proposeShown(await openSession(options.as), readAct(file), options);
    });
  for (const [name, decision] of [
    ['approve', 'APPROVE'],
    ['reject', 'REJECT'],
    ['withdraw', 'WITHDRAW'],
  ] as const) {
    charter
      .command(`${name} <intent>`)
      .description(`${name === 'withdraw' ? 'take back the approval of' : name} a proposed act, shown decoded`)
      .option(...AS)
      .addHelpText('after', EXIT)
      .action(async (intent: string, { as }: As) => {
        await decide(await openSession(as), intent, decision);
      });
  }
  for (const [name, kind, description] of [
    ['enact', 'pending.enact', 'put into force what has waited out its delay'],
    ['veto', 'pending.veto', 'end what still waits out its delay'],
  ] as const) {
    charter
      .command(`${name} <intent>`)
      .description(description)
      .option(...APPROVE)
      .option(...AS)
      .addHelpText('after', EXIT)
      .action(async (intent: string, options: Following) => {
        await proposeShown(await openSession(options.as), actSchema.parse({ kind, intent }), options);
      });
  }
  charter
    .command('break-glass <act.json>')
    .description('propose an act as an emergency: a larger quorum in place of its own, always delayed, logged')
    .requiredOption('--reason <text>', 'why')
    .option('--dry-run', 'show only', false)
    .option(...APPROVE)
    .option(...AS)
    .addHelpText('after', EXIT)
    .action(async (file: string, options: Following & { readonly dryRun: boolean; readonly reason: string }) => {
      const act = parsed(file, { kind: 'break-glass', act: json(file), reason: options.reason });
      await proposeShown(await openSession(options.as), act, options);
    });
}

const json = (file: string): unknown => readJsonFile(file, 'an act of the charter', z.json());

const readAct = (file: string): Act => parsed(file, json(file));

function parsed(file: string, candidate: unknown): Act {
  const act = actSchema.safeParse(candidate);
  if (act.success) return act.data;
  const [issue] = act.error.issues;
  throw new Failure(`${file} is no act of the charter.`, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function show(state: CharterState): void {
  const { genesis, firm, heads, members, groups, quorums, rules, limits, frozen, signers, pending: waiting } = state;
  console.log(`${genesis.name}, firm ${firm}\n`);
  print(
    ['chain', 'sequence', 'head'],
    [...heads].map(([chain, { sequence, hash }]) => [chain, String(sequence), hash]),
  );
  print(
    ['member', 'role', 'keys', 'expires'],
    [...members.values()].map(({ id, role, keys, expiresAt }) => [
      id,
      role,
      keys.map((key) => `${key.id} (${key.scheme})`).join(', '),
      expiresAt ?? '',
    ]),
  );
  if (groups.size > 0) {
    print(
      ['group', 'members'],
      [...groups].map(([id, named]) => [id, [...named].join(', ')]),
    );
  }
  print(
    ['decides', 'started by', 'approved by', 'then waits'],
    Object.entries(quorums).map(([governed, quorum]) => [
      governed,
      quorum.initiators.join(', '),
      quorumInWords(quorum),
      duration(usualDelay(rules, governed as Governed)),
    ]),
  );
  print(
    ['signer', 'state'],
    [...signers.values()].map(({ id, retired }) => [id, retired ? 'retired' : 'live']),
  );
  for (const line of describeAct({ limits, rules })) console.log(line);
  console.log('');
  if (frozen.size === 0) console.log('Nothing is frozen.');
  for (const [scope, reason] of frozen) console.log(`frozen: ${scope} (${reason})`);
  console.log(
    waiting.size === 0 ? 'Nothing waits out a delay.' : `${waiting.size} acts wait: bulkhead charter pending`,
  );
}

async function entries(session: Session): Promise<void> {
  print(
    ['place', 'act', 'proposed by', 'approved by', 'enacted at', 'intent'],
    (await charterEntries(session)).map(({ entry: { intent, approvals, enactedAt } }) => [
      `${intent.chain}#${intent.sequence}`,
      intent.act.kind,
      intent.initiator,
      approvals.map(({ statement }) => statement.member).join(', '),
      enactedAt,
      intent.id,
    ]),
  );
}

async function pending(session: Session): Promise<void> {
  const { client, device } = session;
  const state = await replayCharter(session);
  const open = (await client.charterIntents(device)).filter(({ status }) => status === 'PENDING_APPROVAL');
  if (open.length === 0) console.log('No act waits for approvals.');
  else {
    print(
      ['waits for approvals', 'act', 'proposed by', 'still needs', 'expires'],
      open.map(({ id, intent, missing }) => [
        id,
        intent.act.kind,
        intent.initiator,
        missing ?? 'to be enacted',
        intent.expiresAt,
      ]),
    );
  }
  if (state.pending.size === 0) console.log('No act waits out a delay.');
  else {
    print(
      ['waits out its delay', 'act', 'not before', 'why'],
      [...state.pending].map(([id, { act, notBefore }]) => [
        id,
        act.kind === 'break-glass' ? `break-glass: ${act.act.kind}` : act.kind,
        notBefore,
        act.kind === 'break-glass' ? act.reason : '',
      ]),
    );
    console.log('When its time has come: bulkhead charter enact <intent>. Against it: bulkhead charter veto <intent>.');
  }
}

/** What an act does and who decides it: worked out here, from the verified log. */
function explain(state: CharterState, act: Act): void {
  for (const line of describeAct(act)) console.log(line);
  if (act.kind === 'genesis') return;
  const governed = governedBy(state, act);
  const quorum = quorumFor(state, governed);
  const delaySeconds = delayOf(state, act);
  console.log(`\nchain       ${chainOfAct(state, act)}`);
  console.log(`decided by  ${governed}: ${quorum ? quorumInWords(quorum) : 'nobody, the charter names no quorum'}`);
  if (quorum) console.log(`started by  ${quorum.initiators.join(', ')}`);
  console.log(`delay       ${delaySeconds === 0 ? 'none: in force at once' : duration(delaySeconds)}`);
}

/** Shows what an act does and who decides it, then proposes it, and approves it as those who are named. */
export async function proposeShown(
  session: Session,
  act: Act,
  {
    dryRun = false,
    approve,
    json: asJson = false,
  }: { readonly dryRun?: boolean; readonly approve?: string; readonly json?: boolean },
): Promise<void> {
  const { client, device } = session;
  const state = await replayCharter(session);
  if (!asJson) explain(state, act);
  const preview = await client.previewAct(device, act);
  const { refusal } = preview;
  if (refusal) {
    const facts = Object.entries(refusal.facts).map(([name, value]) => `${name}=${value}`);
    throw new Failure(
      `${refusal.code}: ${refusal.detail}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`,
      adviceOn(refusal.code),
    );
  }
  if (dryRun && asJson) {
    console.log(JSON.stringify({ act, ...preview }, null, 2));
    return;
  }
  if (dryRun) {
    console.log('\nNothing stands against it; nothing was proposed.');
    return;
  }
  const chain = chainOfAct(state, act);
  let view = await client.proposeAct(device, act, chain.startsWith('client:') ? chain.slice(7) : undefined);
  for (const member of approve?.split(',') ?? []) {
    const { device: approver } = await openSession(member.trim());
    view = await client.approveAct(approver, view);
  }
  if (asJson) console.log(JSON.stringify(view, null, 2));
  else sayStatus(view);
}

/** Shows the act of the very intent whose digest is signed: decoded strictly, by the schema that signers read it with. */
async function decide(session: Session, id: string, decision: Exclude<Decision, 'PROPOSE'>): Promise<void> {
  const { client, device } = session;
  const view = await client.charterIntent(device, id);
  const intent = charterIntentSchema.parse(view.intent);
  const state = await replayCharter(session);
  console.log(
    `intent ${intent.id} by ${intent.initiator}, expires ${intent.expiresAt}\ndigest ${intentDigest(intent)}\n`,
  );
  explain(state, intent.act);
  for (const line of attested(view)) console.log(line);
  if (decision === 'APPROVE' && view.status === 'PENDING_APPROVAL') {
    const next = applyAct(state, intent.act, new Date().toISOString());
    if (!next.ok) throw new Failure(`${next.refusal.code}: ${next.refusal.detail}`, adviceOn(next.refusal.code));
  }
  console.log('');
  sayStatus(await client.decideAct(device, { ...view, intent }, decision));
}

/** Where a passkey that is to be enrolled comes from, as its registration has shown. */
function attested({ attestation }: CharterIntentView): string[] {
  if (!attestation) return [];
  const { format, aaguid, certificates } = attestation;
  return [
    `\nauthenticator  model ${aaguid}, attestation ${format}`,
    ...certificates.map(({ subject, issuer }) => `  certificate  ${subject}, issued by ${issuer}`),
  ];
}

function sayStatus({ id, status, missing, notBefore, refusal, intent }: CharterIntentView): void {
  console.log(`\nintent ${id} (${intent.act.kind}) is ${status}.`);
  if (refusal) throw new Failure(`${refusal.code}: ${refusal.detail}`, adviceOn(refusal.code));
  if (missing !== null) {
    console.log(`It still needs: ${missing}.\n  npx bulkhead charter approve ${id} --as <member>`);
  }
  if (notBefore !== null) {
    console.log(
      `It waits until ${notBefore}; then:\n  npx bulkhead charter enact ${id} --as <member> --approve <members>`,
    );
  }
}

function print(header: readonly string[], rows: readonly (readonly string[])[]): void {
  for (const row of table(header, rows)) console.log(row);
  console.log('');
}
