import { readFileSync } from 'node:fs';
import { stateFolder } from '#bootstrap/project.mjs';
import { actSchema, charterEntrySchema, entryHash } from '@bulkhead/charter';
import { digestSchema, type Digest } from '@bulkhead/intent';
import type { Command } from 'commander';
import { z } from 'zod';
import { charterAt, entryByHand, handOver } from '../doors/by-hand.js';
import type { DoorAddress } from '../doors/door-client.js';
import { developmentDevice } from '../members/development-members.js';
import { readGenesis } from '../setup/genesis.js';
import { doorOf, Failure, layoutOf, readRunningStack, SIGNER_NAMES } from '../stack/index.js';
import { table } from './table.js';

interface Doors {
  readonly signers: string;
}
interface ByHand extends Doors {
  readonly as: string;
  readonly approve: string;
}

const SIGNERS = ['--signers <ids>', 'to whom, comma-separated', SIGNER_NAMES.join(',')] as const;
const HELP = '\nExit status 0: every signer has taken it; 1: one has not, and the output says which and why.';
const entriesSchema = z.array(charterEntrySchema).min(1);

/** What members tell signers themselves, with the orchestrator down or not to be trusted. */
export function addDoorCommands(program: Command): void {
  const door = program.command('door').description('go to the signers themselves; no orchestrator is asked');
  door
    .command('enact <act.json>')
    .description('make an entry of an act (a freeze, say), signed by members on this machine, and hand it to signers')
    .option('--as <member>', 'who proposes', 'olivia')
    .requiredOption('--approve <members>', 'who approves, comma-separated')
    .option(...SIGNERS)
    .addHelpText('after', HELP)
    .action(enact);
  door
    .command('hand-over <entries.json>')
    .description('hand whole charter entries (a JSON array, in order) to signers')
    .option(...SIGNERS)
    .addHelpText('after', HELP)
    .action(async (file: string, { signers }: Doors) => {
      report(await handOver(surroundings(signers).doors, '/v1/charter/entries', { entries: entriesIn(file) }));
    });
  for (const [name, decision] of [
    ['reject', 'REJECT'],
    ['withdraw', 'WITHDRAW'],
  ] as const) {
    door
      .command(`${name} <intent> <payload>`)
      .description(`tell signers of a ${decision} of a transfer, by the digests of its intent and its payload`)
      .option('--as <member>', 'who says so', 'oskar')
      .option(...SIGNERS)
      .addHelpText('after', HELP)
      .action(async (intent: string, payload: string, { as, signers }: Doors & { readonly as: string }) => {
        const { doors, firm, members } = surroundings(signers);
        const { sequence } = (await firstCharter(doors, firm)).heads.get('firm') ?? { sequence: 0 };
        const terms = { firm, intent: digest(intent), payload: digest(payload), charterSequence: sequence };
        const statement = developmentDevice(members, as).say(decision, terms);
        report(await handOver(doors, '/v1/objections', statement));
      });
  }
}

async function enact(file: string, { as, approve, signers }: ByHand): Promise<void> {
  const act = actSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const { doors, firm, members } = surroundings(signers);
  const device = (id: string) => developmentDevice(members, id.trim());
  const entry = entryByHand(await firstCharter(doors, firm), act, device(as), approve.split(',').map(device));
  console.log(`entry ${entryHash(entry)}: ${act.kind}`);
  report(await handOver(doors, '/v1/charter/entries', { entries: [entry] }));
}

/** As the first signer has it that answers. */
async function firstCharter(doors: readonly DoorAddress[], firm: Digest) {
  for (const door of doors) {
    const state = await charterAt(door, firm).catch(() => undefined);
    if (state) return state;
  }
  throw new Failure('No signer answers at its door.');
}

/** The doors of the stack of this clone, and the certificates that its genesis names. */
function surroundings(signers: string): { doors: DoorAddress[]; firm: Digest; members: string } {
  const layout = layoutOf(process.env['BULKHEAD_STATE'] || stateFolder);
  const ports = readRunningStack(layout)?.ports;
  if (!ports) throw new Failure('No stack is running here.', 'Start it first: npm run up');
  const genesis = readGenesis(layout.genesis);
  const { act } = genesis.intent;
  const known = act.kind === 'genesis' ? act.signers : [];
  const wanted = signers.split(',').map((id) => id.trim());
  const doors = SIGNER_NAMES.filter((id) => wanted.includes(id)).map((id) => ({
    id,
    url: `https://127.0.0.1:${ports[doorOf(id)]}`,
    tlsFingerprint: known.find((signer) => signer.id === id)?.tlsFingerprint ?? '',
  }));
  return { doors, firm: entryHash(genesis), members: layout.members };
}

const entriesIn = (file: string) => entriesSchema.parse(JSON.parse(readFileSync(file, 'utf8')));

function digest(text: string): Digest {
  const parsed = digestSchema.safeParse(text);
  if (!parsed.success) throw new Failure(`"${text}" is no digest.`, 'Give 64 lower-case hex digits.');
  return parsed.data;
}

function report(outcomes: readonly { readonly signer: string; readonly outcome: string }[]): void {
  const rows = outcomes.map(({ signer, outcome }) => [signer, outcome]);
  console.log(table(['signer', 'outcome'], rows).join('\n'));
  if (outcomes.some(({ outcome }) => outcome !== 'accepted')) process.exitCode = 1;
}
