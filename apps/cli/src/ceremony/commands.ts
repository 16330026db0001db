import { Option, type Command } from 'commander';
import type { FinishedCeremony } from '@bulkhead/evidence';
import { conduct, type People } from './conduct.js';
import { checkPlan } from './check-plan.js';
import { toolHash } from './checks.js';
import { peopleAtTerminal, peopleOfFolder } from './people.js';
import { readPlan } from './plan-file.js';
import { genesisRunBook } from './run-book.js';
import { readTokenPlan, writeActs } from './token-plan-file.js';
import { tokenRunBook } from './token-run-book.js';

interface CeremonyOptions {
  readonly plan: string;
  readonly transcript: string;
  readonly keys?: string;
}

const CEREMONY_HELP = `
Each step is done, shown, and signed by its performer and its witness before the next one begins. The transcript holds
every line on disk before the ceremony goes on: after an interruption the same command takes it up where it was.
Check it with: bulkhead verify transcript FILE`;

/** `bulkhead ceremony`: from initialised machines to a charter genesis, with a transcript that anybody can check. */
export function addCeremonyCommands(program: Command): void {
  const ceremony = program.command('ceremony').description('lead through a key ceremony, by its run book');
  withPlan(ceremony.command('run', { isDefault: true }))
    .description('run a genesis ceremony, or take it up again')
    .addHelpText('after', CEREMONY_HELP)
    .action(run);
  withPlan(ceremony.command('token'))
    .description('tokens of a firm that is there: a spare or a replacement, or keys of wallets that are opened later')
    .addHelpText('after', CEREMONY_HELP)
    .action(runToken);
  ceremony
    .command('check')
    .description('what a ceremony would do by this plan, and what would stop it; writes nothing')
    .requiredOption('--plan <file>', 'of a genesis ceremony or of a ceremony of tokens')
    .addHelpText('after', '\nExit status 0: nothing stands in the way; 1: something does, and it is named.')
    .action(check);
  ceremony
    .command('tool-hash')
    .description('the SHA-256 of this program, as a plan announces it')
    .action(() => {
      console.log(toolHash());
    });
}

const withPlan = (command: Command): Command =>
  command
    .requiredOption('--plan <file>', 'who, which tokens, which wallets, which genesis or acts: see docs/operations.md')
    .requiredOption('--transcript <file>', 'the transcript; begun here if it is not there')
    .addOption(new Option('--keys <folder>', 'a rehearsal: <member>.pem of everybody who signs'));

const peopleOf = ({ keys }: CeremonyOptions): People =>
  keys === undefined ? peopleAtTerminal() : peopleOfFolder(keys);

async function run(options: CeremonyOptions): Promise<void> {
  const people = peopleOf(options);
  const finished = await conduct(options.transcript, genesisRunBook(readPlan(options.plan, people)), people);
  closed(finished);
  console.log(`genesis     ${finished.firm}\ntranscript  ${finished.head}`);
}

async function runToken(options: CeremonyOptions): Promise<void> {
  const plan = readTokenPlan(options.plan);
  const finished = await conduct(options.transcript, tokenRunBook(plan), peopleOf(options));
  closed(finished);
  console.log(`transcript  ${finished.head}`);
  for (const file of writeActs(plan.actsFolder, finished))
    console.log(`to be proposed: bulkhead charter propose ${file}`);
}

async function check({ plan }: Pick<CeremonyOptions, 'plan'>): Promise<void> {
  const obstacles = await checkPlan(plan, (line) => {
    console.log(line);
  });
  if (obstacles === 0) return;
  console.error(`\n${obstacles} of these would stop the ceremony.`);
  process.exitCode = 1;
}

const closed = ({ signed }: FinishedCeremony): void => {
  console.log(`\nThe ceremony is closed: ${signed.length} steps signed by performer and witness.`);
};
