import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { stateFolder } from '#bootstrap/project.mjs';
import { readTranscript } from '@bulkhead/evidence';
import { orThrow } from '@bulkhead/intent';
import { conduct } from '../ceremony/conduct.js';
import { developmentPeople } from '../ceremony/development.js';
import { Failure, layoutOf, readRunningStack, SPARE_SIGNER } from '../stack/index.js';
import { LiveFirm } from './live-firm.js';
import { affectedBy, liveRunBook, type Affected } from './live-run-book.js';

const HELP = `
Every wallet of the firm that has a key of the lost signer is given another one: a Safe swaps one owner and keeps its
address; a Bitcoin wallet is followed by a new one, pays it all that it holds, and is frozen. Then the lost signer is
retired. Each step is an act of the charter or a transfer with its own quorum; here the development members give it.

Interrupted, or stopped by a delay of the charter: the same command goes on. The record is a transcript, signed step by
step; check it with: npx bulkhead verify transcript <file>

Exit status 0: done, and the record is closed; 1: not yet, and the error output says why.`;

export interface RotationWish {
  readonly lost: string;
  readonly spare: string;
  readonly reason: string;
  /** Where the record and the new kits go. */
  readonly out: string;
}

/** `bulkhead rotate`: a signer's token is lost or suspected, and another signer takes its place. */
export function addRotateCommand(program: Command): void {
  program
    .command('rotate')
    .description('replace a signer whose token is lost or suspected, on the firm that runs here')
    .requiredOption('--lost <signer>', 'whose token is given up, for example signer-b')
    .option('--spare <signer>', 'who takes over; stands by since npm run up', SPARE_SIGNER)
    .option('--reason <text>', 'for the record', 'the token is lost')
    .option('--out <folder>', 'where the record and the new kits go', join(stateFolder, 'drills'))
    .addHelpText('after', HELP)
    .action(async (wish: RotationWish) => {
      const layout = layoutOf(process.env['BULKHEAD_STATE'] || stateFolder);
      const url = readRunningStack(layout)?.urls.orchestrator;
      if (!url) throw new Failure('No stack is running here.', 'Start it first: npm run up');
      const record = await rotate(new LiveFirm(layout, url), wish, (line) => {
        console.log(line);
      });
      console.log(`\nThe record: ${record}\nCheck it:   npx bulkhead verify transcript ${record}`);
    });
}

/**
 * Carries the whole rotation out, from where its record ends.
 *
 * @returns the record's file
 * @throws Failure, ApiRefusal or Error when it did not come to its end; called again it goes on
 */
export async function rotate(firm: LiveFirm, wish: RotationWish, log: (line: string) => void): Promise<string> {
  const { lost, spare, reason, out } = wish;
  mkdirSync(out, { recursive: true });
  const record = join(out, `rotation-${lost}-${spare}.jsonl`);
  const state = await firm.charter();
  const signer = state.signers.get(lost);
  if (!signer || lost === spare) throw new Failure(`${lost} is no signer that ${spare} could take the place of.`);
  const begun = begunWith(record);
  const plan = { firm, lost, spare, reason, kitFolder: out, log, ...(begun ?? affectedBy(state, lost)) };
  await conduct(record, liveRunBook(plan, state), { ...developmentPeople(firm.layout), tell: log });
  return record;
}

/** What a record that was begun is about: the charter has moved since, the run book must not. */
function begunWith(record: string): Affected | undefined {
  const text = existsSync(record) ? readFileSync(record, 'utf8') : '';
  const { transcript } = orThrow(readTranscript(text));
  const named = (step: string): string[] =>
    transcript?.opened.steps.flatMap(({ id }) => (id.startsWith(`${step}:`) ? [id.slice(step.length + 1)] : [])) ?? [];
  return transcript && { safes: named('swap'), bitcoin: named('sweep') };
}
