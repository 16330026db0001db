import { Option, type Command } from 'commander';
import { conduct } from './conduct.js';
import { toolHash } from './checks.js';
import { peopleAtTerminal, peopleOfFolder } from './people.js';
import { readPlan } from './plan-file.js';
import { genesisRunBook } from './run-book.js';

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
  ceremony
    .command('run', { isDefault: true })
    .description('run a genesis ceremony, or take it up again')
    .requiredOption('--plan <file>', 'who, which tokens, which wallets, which genesis: see docs/operations.md')
    .requiredOption('--transcript <file>', 'the transcript; begun here if it is not there')
    .addOption(new Option('--keys <folder>', 'a rehearsal: <member>.pem of everybody who signs'))
    .addHelpText('after', CEREMONY_HELP)
    .action(run);
  ceremony
    .command('tool-hash')
    .description('the SHA-256 of this program, as a plan announces it')
    .action(() => {
      console.log(toolHash());
    });
}

async function run({ plan, transcript, keys }: CeremonyOptions): Promise<void> {
  const people = keys === undefined ? peopleAtTerminal() : peopleOfFolder(keys);
  const finished = await conduct(transcript, genesisRunBook(readPlan(plan, people)), people);
  console.log(`\nThe ceremony is closed: ${finished.signed.length} steps signed by performer and witness.`);
  console.log(`genesis     ${finished.firm}\ntranscript  ${finished.head}`);
}
