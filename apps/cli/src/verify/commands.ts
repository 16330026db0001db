import type { Command } from 'commander';
import { verifyTranscript, type CeremonyMode, type FinishedCeremony } from '@bulkhead/evidence';
import { canonicalJson, orThrow } from '@bulkhead/intent';
import { hashOf, readKit } from '../recover/options.js';
import { showKit } from '../recover/show-kit.js';
import { Failure, readTextFile } from '../stack/index.js';

const MODES: Record<CeremonyMode, string> = {
  terminal: 'Its people signed at the terminal, each with a key file of their own',
  rehearsal: 'A REHEARSAL: everybody’s key was in one folder',
  development: 'DEVELOPMENT: the program gave every answer itself',
};

interface TranscriptOptions {
  readonly firm?: string;
  readonly kit?: string;
}

/** `bulkhead verify`: what an auditor checks on a machine of their own, with nothing but the file. */
export function addVerifyCommands(program: Command): void {
  const verify = program.command('verify').description('check evidence offline; exit status 0 only if all of it holds');
  verify
    .command('transcript <file>')
    .description('a ceremony’s transcript, from its opening to the genesis')
    .option('--firm <hash>', 'the genesis hash that it must end with, or the firm that it must be of')
    .option('--kit <file>', 'of a firm that is there: a recovery kit, to find those who signed among its members')
    .action((file: string, options: TranscriptOptions) => {
      transcript(file, options);
    });
  verify
    .command('kit <file>')
    .description('a recovery kit, from the genesis to each address')
    .requiredOption('--firm <hash>', 'hash of the firm’s genesis entry')
    .action(async (file: string, { firm }: { firm: string }) => {
      for (const line of await showKit(readKit({ kit: file, firm }), {})) console.log(line);
    });
}

function transcript(file: string, { firm, kit }: TranscriptOptions): void {
  const finished = orThrow(verifyTranscript(readTextFile(file, 'a ceremony’s transcript')));
  if (firm !== undefined && finished.firm !== hashOf(firm)) {
    throw new Failure(`The ceremony ended with genesis ${finished.firm}, and ${firm} was expected.`);
  }
  const stranger = kit === undefined ? undefined : strangerTo(finished, kit);
  if (stranger !== undefined) throw new Failure(`${stranger} is no member by the same keys.`);
  const { opened } = finished;
  console.log(`${opened.runBook}, opened ${finished.openedAt}, closed ${finished.lastAt}`);
  console.log(
    `plan ${opened.plan ?? 'none'}\n${opened.mode === undefined ? 'It does not say how its people signed' : MODES[opened.mode]}.`,
  );
  for (const { id, performer, performedAt, witness, witnessedAt, facts } of finished.signed) {
    console.log(`${id}: performed by ${performer} ${performedAt}, witnessed by ${witness} ${witnessedAt}`);
    for (const [name, value] of Object.entries(facts)) console.log(`  ${name}: ${value}`);
  }
  console.log(`\n${finished.lines} lines hold. Transcript ${finished.head}\nGenesis ${finished.firm}`);
}

/** Whoever of those that could sign is not a member of the firm by the same keys, as the kit's charter has them. */
function strangerTo({ opened, firm }: FinishedCeremony, kit: string): string | undefined {
  const { members } = readKit({ kit, firm }).state;
  return opened.members.find(({ id, keys }) => canonicalJson(members.get(id)?.keys ?? null) !== canonicalJson(keys))
    ?.id;
}
