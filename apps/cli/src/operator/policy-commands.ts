import { readFileSync } from 'node:fs';
import { parsePolicy, formatPolicy } from '@bulkhead/cedar';
import type { Act, Policy } from '@bulkhead/charter';
import type { Refusal, Result } from '@bulkhead/intent';
import type { DiffLine, Explanation, Finding, Proof } from '@bulkhead/policy';
import type { Command } from 'commander';
import { Failure } from '../stack/index.js';
import { proposeShown } from './charter-commands.js';
import { runBackTest, type Draft } from './policy-back-test.js';
import { actBack } from './policy-versions.js';
import { openSession } from './session.js';
import { table } from './table.js';

interface Scope {
  readonly id: string;
  readonly owner?: string;
  readonly wallet?: string;
  readonly remove?: boolean;
  readonly as: string;
}
type File = string | undefined;
interface Report {
  readonly formatted: string;
  readonly diff: readonly DiffLine[];
  readonly findings: readonly Finding[];
  readonly proof: Proof;
}
interface Explained extends Omit<Explanation, 'facts' | 'missing'> {
  readonly facts: { readonly context: Readonly<Record<string, unknown>> };
  readonly missing: Refusal | null;
}
interface InForce extends Policy {
  readonly effect: string;
  readonly quorum: string | null;
  readonly description: string | null;
}

interface Following {
  readonly approve?: string;
}

const APPROVE = ['--approve <members>', 'who approves it at once, comma-separated'] as const;
const AS = ['--as <member>', 'who asks', 'carla'] as const;
const OWNER = ['--owner <owner>', 'for transfers of this owner only'] as const;
const REMOVE = ['--remove', 'the removal of the policy in force, in place of a file'] as const;
const WALLET = ['--wallet <wallet>', 'for transfers out of this wallet of the owner only'] as const;

/** What a compliance officer does with policies. `validate` and `format` need no stack; the rest ask the orchestrator. */
export function addPolicyCommands(program: Command): void {
  const policy = program.command('policy').description('draft, check and understand policies');
  policy
    .command('list')
    .description('the policies in force')
    .option(...AS)
    .action(async ({ as }: Pick<Scope, 'as'>) => {
      await list(as);
    });
  policy
    .command('validate <file>')
    .description('read one Cedar policy strictly, against the published schema')
    .action((file: string) => {
      const { effect, quorum } = valueOf(parsePolicy(read(file)));
      console.log(`${file}: a valid ${effect}${quorum === undefined ? '' : ` with the quorum ${quorum}`}`);
    });
  policy
    .command('format <file>')
    .description('print a policy in its one layout')
    .action((file: string) => {
      process.stdout.write(valueOf(formatPolicy(read(file))));
    });
  const about = { diff: 'against what is in force', lint: 'what is odd about a draft', prove: 'over all combinations' };
  for (const what of ['diff', 'lint', 'prove'] as const) {
    policy
      .command(`${what} [file]`)
      .description(`${what} a draft: ${about[what]}; exit status 1 when there is something to say against it`)
      .requiredOption('--id <id>', 'the policy’s id')
      .option(...OWNER)
      .option(...WALLET)
      .option(...REMOVE)
      .option(...AS)
      .action(async (file: File, scope: Scope) => {
        const report = await check(file, scope);
        const said = { diff: sayDiff, lint: sayFindings, prove: sayProof }[what](report);
        for (const line of said.lines) console.log(line);
        if (said.against) process.exitCode = 1;
      });
  }
  policy
    .command('back-test [file]')
    .description(
      'decide past transfers anew with a draft: every decision that changes; exit status 1 when there is one',
    )
    .requiredOption('--id <id>', 'the policy’s id')
    .option('--days <days>', 'of how many days until now', '30')
    .option(...OWNER)
    .option(...WALLET)
    .option(...REMOVE)
    .option(...AS)
    .action(async (file: File, options: Scope & { readonly days: string }) => {
      if (await runBackTest(await openSession(options.as), draftOf(file, options), options.days)) process.exitCode = 1;
    });
  policy
    .command('submit [file]')
    .description('propose a draft to the charter; it is in force when approved and when its delay is over')
    .requiredOption('--id <id>', 'the policy’s id')
    .option(...OWNER)
    .option(...WALLET)
    .option(...REMOVE)
    .option(...APPROVE)
    .option(...AS)
    .action(async (file: File, options: Scope & Following) => {
      const draft = draftOf(file, options);
      const act: Act = 'remove' in draft ? { kind: 'policy.remove', id: draft.id } : { kind: 'policy.set', ...draft };
      await proposeShown(await openSession(options.as), act, options);
    });
  policy
    .command('rollback <id>')
    .description('propose, as a new entry, the text that was in force before; or no text, when there was none')
    .option('--to <sequence>', 'as it was at this place of its chain, instead of before the last change')
    .option(...APPROVE)
    .option(...AS)
    .action(async (id: string, options: Pick<Scope, 'as'> & Following & { readonly to?: string }) => {
      const session = await openSession(options.as);
      await proposeShown(session, await actBack(session, id, options.to), options);
    });
  policy
    .command('explain <transfer>')
    .description('which policies matched a transfer, on which facts, and what is still missing')
    .option(...AS)
    .action(async (id: string, { as }: Pick<Scope, 'as'>) => {
      await explain(id, as);
    });
}

const read = (file: string): string => readFileSync(file, 'utf8');

function valueOf<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  const { detail, facts } = result.refusal;
  throw new Failure(detail, facts['problem'] ?? '');
}

async function list(as: string): Promise<void> {
  const { client, device } = await openSession(as);
  const policies = await client.api.get<InForce[]>('/v1/policies', device.apiToken);
  const rows = policies.map(({ id, effect, owner, wallet, quorum, description }) => [
    id,
    effect,
    owner ?? 'everybody',
    wallet ?? 'all wallets',
    quorum ?? '',
    description ?? '',
  ]);
  if (rows.length === 0) console.log('No policy is in force: everything is denied.');
  else for (const row of table(['id', 'effect', 'owner', 'wallet', 'quorum', 'description'], rows)) console.log(row);
}

function draftOf(file: File, { id, owner, wallet, remove }: Scope): Draft {
  if ((file === undefined) !== (remove ?? false)) {
    throw new Failure('A draft is a file of Cedar or --remove.', 'Give one of them, and not both.');
  }
  if (file !== undefined) return { id, text: read(file), owner: owner ?? null, wallet: wallet ?? null };
  if (owner !== undefined || wallet !== undefined) {
    throw new Failure('A removal is known by its --id alone.', 'Leave --owner and --wallet out.');
  }
  return { id, remove: true };
}

async function check(file: File, scope: Scope): Promise<Report> {
  const { client, device } = await openSession(scope.as);
  return client.api.post<Report>('/v1/policies/checks', device.apiToken, draftOf(file, scope));
}

interface Said {
  readonly lines: readonly string[];
  readonly against: boolean;
}

const sayDiff = ({ diff }: Report): Said => ({
  lines: diff.map(({ sign, text }) => `${sign} ${text}`),
  against: false,
});

const sayFindings = ({ findings }: Report): Said => ({
  lines: findings.length === 0 ? ['Nothing odd.'] : findings.map(({ kind, says }) => `${kind}: ${says}`),
  against: findings.length > 0,
});

/** What a proof comes to, in lines, and whether there is something to say against the draft. */
export function sayProof({ proof }: Report): Said {
  const { proven, combinations, notCovered, withoutForbids, counterExamples } = proof;
  const examples = counterExamples.flatMap(({ claim, says, policies, transfer }) => [
    `${claim}: ${says} (${policies.join(', ')})`,
    ...Object.entries(transfer).map(([name, value]) => `    ${name}: ${String(value)}`),
  ]);
  const verdict = proven ? 'Proven' : counterExamples.length > 0 ? 'There is a counter-example' : 'Not proven';
  return {
    lines: [
      ...examples,
      ...notCovered.map((why) => `not covered: ${why}`),
      ...withoutForbids.map((id) => `done without: ${id}`),
      `${verdict}: ${combinations} combinations.`,
    ],
    against: !proven,
  };
}

async function explain(id: string, as: string): Promise<void> {
  const { client, device } = await openSession(as);
  const { facts, attestations, policies, quorums, missing } = await client.api.get<Explained>(
    `/v1/transfers/${id}/policies`,
    device.apiToken,
  );
  for (const line of Object.entries(facts.context).flatMap(([name, value]) => factLines(name, value)))
    console.log(line);
  for (const { kind, attestor, at } of attestations) console.log(`${kind} attested by ${attestor} at ${at}`);
  console.log('');
  const rows = policies.map((one) => [one.answer, one.effect, one.id, one.quorum ?? '', one.description ?? '']);
  for (const row of table(['answer', 'effect', 'policy', 'quorum', 'description'], rows)) console.log(row);
  for (const { id, reads } of policies.filter(({ answer }) => answer === 'MATCHES')) {
    console.log(`\n${id} has read`);
    for (const line of Object.entries(reads).flatMap(([path, value]) => factLines(path, value)))
      console.log(`  ${line}`);
  }
  console.log(`\nquorums: ${quorums.join(', ') || 'none'}`);
  const facing = missing && Object.entries(missing.facts).map(([name, value]) => `${name}: ${value}`);
  console.log(missing ? `missing: ${missing.code}, ${facing?.join(', ') ?? ''}` : 'Nothing is missing.');
}

/** A fact in one line, a record of facts in a line for each: `velocity.wallet.day.count: 3`. */
function factLines(name: string, value: unknown): string[] {
  if (Array.isArray(value)) return [`${name}: ${value.map((one) => factLines('', one).join('').slice(2)).join(', ')}`];
  if (typeof value !== 'object' || value === null) return [`${name}: ${String(value)}`];
  if ('__entity' in value) {
    const { __entity: entity } = value as { readonly __entity: { readonly type: string; readonly id: string } };
    return [`${name}: ${entity.type}::"${entity.id}"`];
  }
  return Object.entries(value).flatMap(([part, below]) => factLines(`${name}.${part}`, below));
}
