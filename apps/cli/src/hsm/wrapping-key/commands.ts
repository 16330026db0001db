import { Option, type Command } from 'commander';
import { conduct, type RunBook } from '../../ceremony/conduct.js';
import { peopleAtTerminal, peopleOfFolder } from '../../ceremony/people.js';
import { passphrasesAtTerminal, passphrasesOfFolder, type Passphrases } from './passphrases.js';
import { readCreatePlan, readInstallPlan } from './plan-file.js';
import { createRunBook, installRunBook } from './run-book.js';

interface CeremonyFlags {
  readonly plan: string;
  readonly transcript: string;
  readonly keys?: string;
  readonly passphrases?: string;
}

const HELP = `
A ceremony: each step is signed by its performer and its witness before the next one begins, and the transcript is on the
disk before it goes on. After an interruption the same command takes it up where it was; a key that is in a token already
is found again. The secret is in this process only, and wiped. Plans are in docs/operations.md.
Check the transcript with: bulkhead verify transcript FILE
Exit status 0: the ceremony is closed. 1: it stopped, and the error output says at what.`;

/** `bulkhead hsm wrapping-key`: what keys are wrapped with, dealt to custodians and put together again by them. */
export function addWrappingKeyCommands(hsm: Command): void {
  const wrappingKey = hsm.command('wrapping-key').description('the key that backups of keys are wrapped with');
  ceremony(wrappingKey, 'create')
    .description('make one, deal its secret to M of N custodians, put it into tokens')
    .action((flags: CeremonyFlags) =>
      hold(flags, (passphrases) => createRunBook(readCreatePlan(flags.plan), passphrases)),
    );
  ceremony(wrappingKey, 'install')
    .description('M custodians put it together again, for other tokens')
    .action((flags: CeremonyFlags) =>
      hold(flags, (passphrases) => installRunBook(readInstallPlan(flags.plan), passphrases)),
    );
}

const ceremony = (parent: Command, name: string): Command =>
  parent
    .command(name)
    .requiredOption('--plan <file>', 'who, which tokens, which custodians or shares')
    .requiredOption('--transcript <file>', 'the transcript; begun here if it is not there')
    .addOption(new Option('--keys <folder>', 'a rehearsal: <member>.pem of everybody who signs'))
    .addOption(new Option('--passphrases <folder>', 'a rehearsal: <custodian>.passphrase of those who are here'))
    .addHelpText('after', HELP);

async function hold(flags: CeremonyFlags, bookOf: (passphrases: Passphrases) => RunBook): Promise<void> {
  const { keys, passphrases: folder } = flags;
  const passphrases = folder === undefined ? passphrasesAtTerminal() : passphrasesOfFolder(folder);
  const people = keys === undefined ? peopleAtTerminal() : peopleOfFolder(keys);
  const finished = await conduct(flags.transcript, bookOf(passphrases), people);
  console.log(`\nThe ceremony is closed: ${finished.signed.length} steps signed by performer and witness.`);
  console.log(`wrapping key  ${finished.signed.at(-1)?.facts['check'] ?? ''}\ntranscript    ${finished.head}`);
}
