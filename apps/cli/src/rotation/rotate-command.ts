import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { stateFolder } from '#bootstrap/project.mjs';
import { readTranscript } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { conduct, type People } from '../ceremony/conduct.js';
import { developmentPeople } from '../ceremony/development.js';
import { peopleAtTerminal, peopleOfFolder } from '../ceremony/people.js';
import { workplace, type Workplace } from '../operator/workplace.js';
import { Failure } from '../stack/index.js';
import { LiveFirm } from './live-firm.js';
import { affectedBy, liveRunBook, type Affected, type LiveRotation } from './live-run-book.js';

const HELP = `
First every key of that signer is suspended, at once: if somebody else has its machine, it signs nothing more. Then every
wallet of the firm that has a key of it is given another one: a Safe swaps one owner and keeps its address; a Bitcoin
wallet is followed by a new one, pays it all that it may spend, and is frozen; the shares of an MPC wallet are dealt anew,
and it keeps its address. Then the signer is retired. Each step is an act of the charter or a transfer with its own
quorum: the members whose devices are here propose and approve, and the command waits for those who approve elsewhere.

On the development firm all devices are here, and its members sign the record. Elsewhere BULKHEAD_FIRM names the firm's
file (docs/operations.md), and performer and witness sign the record step by step, at the terminal.

Interrupted, or stopped by a delay of the charter: the same command goes on. The record is a transcript, signed step by
step; check it with: npx bulkhead verify transcript <file>

Exit status 0: done, and the record is closed; 1: not yet, and the error output says why.`;

interface RotateOptions {
  readonly lost?: string;
  readonly suspected?: string;
  readonly spare?: string;
  readonly performer?: string;
  readonly witness?: string;
  readonly keys?: string;
  readonly reason?: string;
  readonly out: string;
}

export interface RotationWish {
  /** Whose token is given up. */
  readonly lost: string;
  readonly spare: string;
  readonly reason: string;
  /** Where the record and the new kits go. */
  readonly out: string;
}

/** Who performs and witnesses the steps in turn, and how they sign. */
export interface Roles {
  readonly rota: LiveRotation['rota'];
  readonly people: People;
}

const DEVELOPMENT_ROTA = [
  { performer: 'oskar', witness: 'carla' },
  { performer: 'omar', witness: 'olivia' },
];

/** `bulkhead rotate`: a signer's token is lost or suspected, and another signer takes its place. */
export function addRotateCommand(program: Command): void {
  program
    .command('rotate')
    .description('replace a signer whose token is lost or suspected, on a firm that runs')
    .option('--lost <signer>', 'whose token is gone, for example signer-b')
    .addOption(
      new Option('--suspected <signer>', 'whose token, or machine, somebody else may have; it may be up').conflicts(
        'lost',
      ),
    )
    .option('--spare <signer>', 'who takes over; by default the one that stands by')
    .option('--performer <member>', 'who performs and signs the steps; on the development firm people take turns')
    .option('--witness <member>', 'who witnesses and signs them')
    .option('--keys <folder>', 'a rehearsal: <member>.pem of performer and witness')
    .option('--reason <text>', 'for the record; by default that the token is lost, or suspected')
    .option('--out <folder>', 'where the record and the new kits go', join(stateFolder, 'drills'))
    .addHelpText('after', HELP)
    .action(async (options: RotateOptions) => {
      const log = (line: string): void => {
        console.log(line);
      };
      const firm = new LiveFirm(workplace(), log);
      const record = await rotate(firm, wishOf(options, firm.workplace), roles(options, firm.workplace));
      console.log(`\nThe record: ${record}\nCheck it:   npx bulkhead verify transcript ${record}`);
    });
}

function wishOf({ lost, suspected, spare, reason, out }: RotateOptions, here: Workplace): RotationWish {
  const signer = lost ?? suspected;
  if (signer === undefined) throw new Failure('Whose token is given up?', 'Give --lost or --suspected.');
  const usual = lost === undefined ? 'the token is suspected' : 'the token is lost';
  return { lost: signer, spare: spare ?? here.spare().id, reason: reason ?? usual, out };
}

/** The development firm plays everybody; elsewhere two people are named, and sign with keys of their own. */
function roles({ performer, witness, keys }: RotateOptions, { development }: Workplace): Roles {
  if (development) return { rota: DEVELOPMENT_ROTA, people: developmentPeople(development) };
  if (performer === undefined || witness === undefined)
    throw new Failure('Who signs the record?', 'Give --performer and --witness, two members of the firm.');
  return {
    rota: [{ performer, witness }],
    people: keys === undefined ? peopleAtTerminal() : peopleOfFolder(keys),
  };
}

/**
 * Carries the whole rotation out, from where its record ends.
 *
 * @returns the record's file
 * @throws Failure, ApiRefusal or Error when it did not come to its end; called again it goes on
 */
export async function rotate(firm: LiveFirm, wish: RotationWish, { rota, people }: Roles): Promise<string> {
  const { lost, spare, reason, out } = wish;
  mkdirSync(out, { recursive: true });
  const record = join(out, `rotation-${lost}-${spare}.jsonl`);
  const state = await firm.charter();
  const signer = state.signers.get(lost);
  if (!signer || lost === spare) throw new Failure(`${lost} is no signer that ${spare} could take the place of.`);
  const stranger = rota.flatMap(({ performer, witness }) => [performer, witness]).find((id) => !state.members.has(id));
  if (stranger !== undefined) throw new Failure(`${stranger} is no member of the firm.`);
  const begun = begunWith(record);
  const plan = { firm, lost, spare, reason, rota, kitFolder: out, ...(begun ?? affectedBy(state, lost)) };
  await conduct(record, liveRunBook(plan, state), { ...people, tell: firm.log });
  return record;
}

/** What a record that was begun is about: the charter has moved since, the run book must not. */
function begunWith(record: string): Affected | undefined {
  const text = existsSync(record) ? readFileSync(record, 'utf8') : '';
  const { transcript } = orThrow(readTranscript(text));
  const named = (step: string): string[] =>
    transcript?.opened.steps.flatMap(({ id }) => (id.startsWith(`${step}:`) ? [id.slice(step.length + 1)] : [])) ?? [];
  return transcript && { safes: named('swap'), bitcoin: named('sweep'), mpc: named('reshare') };
}
