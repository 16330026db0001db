import type { Act, CharterState } from '@bulkhead/charter';
import type { Command } from 'commander';
import { Failure } from '../stack/index.js';
import { proposeShown } from './charter-commands.js';
import { replayCharter } from './charter-replica.js';
import { AS, openSession, type As, type Session } from './session.js';
import { table } from './table.js';

interface Shown extends As {
  readonly json: boolean;
}
interface ListOptions extends Shown {
  readonly owner?: string;
  readonly wallet?: string;
  readonly signer?: string;
}
interface ActOptions extends Shown {
  readonly approve?: string;
  readonly dryRun: boolean;
  readonly reason: string;
}

/** A key as `GET /v1/keys` has it. */
interface KeyView {
  readonly keyClass: string;
  readonly algorithm: string;
  readonly label: string | null;
  readonly publicKey: string | null;
  readonly wallet: string | null;
  readonly signer: string;
  readonly tokenSerial: string | null;
  readonly holder: string | null;
  readonly place: string | null;
  readonly state: string | null;
  readonly lastUsedAt: string | null;
  readonly uses: number | null;
  readonly nextReviewAt: string | null;
  readonly isReviewOverdue: boolean;
  readonly differences: readonly string[];
}
interface InventoryView {
  readonly keys: readonly KeyView[];
  readonly silent: readonly { readonly signer: string; readonly code: string; readonly detail: string }[];
}

const JSON_OUT = ['--json', 'print JSON', false] as const;
const EXIT = '\nExit status 0: done; 1: refused, and the error output says why and what to do.';

/** The life of keys: what there is and where, and every act on it. */
export function addKeyCommands(program: Command): void {
  const keys = program.command('keys').description('the key inventory; suspend, activate, retire and destroy keys');
  keys
    .command('list')
    .description('every key of the firm, held against the charter')
    .option('--owner <owner>', 'of one owner only')
    .option('--wallet <wallet>', 'of one wallet only')
    .option('--signer <signer>', 'of one signer only')
    .option(...JSON_OUT)
    .option(...AS)
    .addHelpText('after', '\nExit status 1: a difference, a silent signer or an overdue review was found.')
    .action(async (options: ListOptions) => {
      await list(await openSession(options.as), options);
    });
  keys
    .command('show <wallet> [signer]')
    .description('all that is known of the keys of a wallet')
    .option(...JSON_OUT)
    .option(...AS)
    .action(async (wallet: string, signer: string | undefined, options: Shown) => {
      await show(await openSession(options.as), { wallet, ...(signer !== undefined && { signer }) }, options.json);
    });
  addKeyActs(keys);
  keys
    .command('review <wallet>')
    .description('write down that all keys of a wallet were looked at: where they are, who holds them')
    .requiredOption('--note <text>', 'what was found')
    .option('--approve <members>', 'who approves it at once, comma-separated')
    .option('--dry-run', 'show only', false)
    .option(...JSON_OUT)
    .option(...AS)
    .addHelpText('after', EXIT)
    .action(async (wallet: string, options: ActOptions & { readonly note: string }) => {
      await proposeShown(await openSession(options.as), { kind: 'key.review', wallet, note: options.note }, options);
    });
}

const ACTS = [
  ['suspend', 'stop a key from signing, at once; it can be activated again'],
  ['activate', 'let a suspended key sign again, after the charter’s delay'],
  ['retire', 'end the use of a key for good'],
  [
    'destroy',
    'have a retired key destroyed in its token, after the charter’s delay; in force already: have it done now',
  ],
] as const;

function addKeyActs(keys: Command): void {
  for (const [name, description] of ACTS) {
    const command = keys.command(`${name} <wallet> <signer>`).description(description);
    if (name === 'suspend' || name === 'retire') command.option('--reason <text>', 'why', 'not given');
    command
      .option('--approve <members>', 'who approves it at once, comma-separated')
      .option('--dry-run', 'show only', false)
      .option(...JSON_OUT)
      .option(...AS)
      .addHelpText('after', EXIT)
      .action(async (wallet: string, signer: string, options: ActOptions) => {
        await act(await openSession(options.as), name, { wallet, signer }, options);
      });
  }
}

async function act(
  session: Session,
  name: (typeof ACTS)[number][0],
  { wallet, signer }: { readonly wallet: string; readonly signer: string },
  options: ActOptions,
): Promise<void> {
  const state = await replayCharter(session);
  const publicKey = publicKeyOf(state, wallet, signer);
  if (name === 'destroy' && state.keyLives.get(publicKey)?.state === 'DESTROYED') {
    await carryOut(session, { wallet, signer }, options.json);
    return;
  }
  const key = { wallet, signer, publicKey };
  const { reason } = options;
  const acts: Record<typeof name, Act> = {
    suspend: { kind: 'key.suspend', ...key, reason },
    activate: { kind: 'key.activate', ...key },
    retire: { kind: 'key.retire', ...key, reason },
    destroy: { kind: 'key.destroy', ...key },
  };
  await proposeShown(session, acts[name], options);
}

/** The act is in force: the signer is asked to do now what it does by itself sooner or later. */
async function carryOut(
  { client, device }: Session,
  key: { readonly wallet: string; readonly signer: string },
  asJson: boolean,
): Promise<void> {
  await client.api.post('/v1/key-destructions', device.apiToken, key);
  console.log(
    asJson
      ? JSON.stringify({ ...key, destroyed: true })
      : `${key.signer} has destroyed its key of ${key.wallet}: gone.`,
  );
}

function publicKeyOf(state: CharterState, wallet: string, signer: string): string {
  const named = state.wallets.get(wallet)?.keys.find((key) => key.signer === signer);
  const ended = state.keyLives.find((life) => life.wallet === wallet && life.signer === signer);
  const key = named ?? ended;
  if (key) return key.publicKey;
  throw new Failure(`${signer} has no key of a wallet ${wallet}.`, 'See what there is: bulkhead keys list');
}

function inventory({ client, device }: Session, filter: Omit<ListOptions, keyof Shown>): Promise<InventoryView> {
  const query = new URLSearchParams();
  for (const name of ['owner', 'wallet', 'signer'] as const) {
    const wanted = filter[name];
    if (wanted !== undefined) query.set(name, wanted);
  }
  return client.api.get<InventoryView>(`/v1/keys?${query.toString()}`, device.apiToken);
}

async function list(session: Session, options: ListOptions): Promise<void> {
  const found = await inventory(session, options);
  if (options.json) console.log(JSON.stringify(found, null, 2));
  else sayList(found);
  const isSound = found.keys.every(({ differences, isReviewOverdue }) => differences.length === 0 && !isReviewOverdue);
  if (!isSound || found.silent.length > 0) process.exitCode = 1;
}

function sayList({ keys, silent }: InventoryView): void {
  const rows = keys.map((key) => [
    key.wallet ?? key.label ?? '',
    key.signer,
    key.keyClass,
    key.state ?? '',
    key.lastUsedAt ?? 'never',
    key.uses === null ? '' : String(key.uses),
    `${key.nextReviewAt?.slice(0, 10) ?? ''}${key.isReviewOverdue ? ' OVERDUE' : ''}`,
    [key.tokenSerial, key.holder, key.place].filter((known) => known !== null).join(', '),
    key.differences.join(', '),
  ]);
  const header = [
    'wallet',
    'signer',
    'class',
    'state',
    'last use',
    'uses',
    'next review',
    'token, holder, place',
    'differences',
  ];
  if (rows.length === 0) console.log('There is no such key.');
  else for (const row of table(header, rows)) console.log(row);
  for (const { signer, code, detail } of silent) console.log(`${signer} does not answer: ${code}: ${detail}`);
}

async function show(
  session: Session,
  filter: { readonly wallet: string; readonly signer?: string },
  asJson: boolean,
): Promise<void> {
  const { keys } = await inventory(session, filter);
  if (asJson) {
    console.log(JSON.stringify(keys, null, 2));
    return;
  }
  if (keys.length === 0) throw new Failure(`There is no key of ${filter.wallet}.`, 'See: bulkhead keys list');
  for (const key of keys) {
    for (const [name, value] of Object.entries(key)) console.log(`${name.padEnd(16)}  ${shown(value)}`);
    console.log('');
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return Object.entries(value)
    .map(([name, holds]) => `${name}=${JSON.stringify(holds)}`)
    .join(' ');
}
