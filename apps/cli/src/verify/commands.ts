import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { openKit, verifyTranscript } from '@bulkhead/evidence';
import { orThrow, type Digest } from '@bulkhead/intent';
import { brokenProofs } from '../ceremony/run-book.js';
import { showKit } from '../recover/show-kit.js';
import { Failure } from '../stack/index.js';

interface FirmOption {
  readonly firm?: string;
}

/** `bulkhead verify`: what an auditor checks on a machine of their own, with nothing but the file. */
export function addVerifyCommands(program: Command): void {
  const verify = program.command('verify').description('check evidence offline; exit status 0 only if all of it holds');
  verify
    .command('transcript <file>')
    .description('a ceremony’s transcript, from its opening to the genesis')
    .option('--firm <hash>', 'the genesis hash that it must end with')
    .action((file: string, { firm }: FirmOption) => {
      transcript(file, firm);
    });
  verify
    .command('kit <file>')
    .description('a recovery kit, from the genesis to each address')
    .requiredOption('--firm <hash>', 'hash of the firm’s genesis entry')
    .action(async (file: string, { firm }: Required<FirmOption>) => {
      const opened = orThrow(openKit(readFileSync(file, 'utf8'), firm as Digest));
      for (const line of await showKit(opened, {})) console.log(line);
    });
}

function transcript(file: string, firm: string | undefined): void {
  const finished = orThrow(verifyTranscript(readFileSync(file, 'utf8')));
  const broken = brokenProofs(finished);
  if (broken.length > 0) throw new Failure(`A key did not sign its nonce: ${broken.join(', ')}`);
  if (firm !== undefined && finished.firm !== firm) {
    throw new Failure(`The ceremony ended with genesis ${finished.firm}, and ${firm} was expected.`);
  }
  console.log(`${finished.opened.runBook}, opened ${finished.openedAt}, closed ${finished.lastAt}`);
  for (const { id, performer, performedAt, witness, witnessedAt, facts } of finished.signed) {
    console.log(`${id}: performed by ${performer} ${performedAt}, witnessed by ${witness} ${witnessedAt}`);
    for (const [name, value] of Object.entries(facts)) console.log(`  ${name}: ${value}`);
  }
  console.log(`\n${finished.lines} lines hold. Transcript ${finished.head}\nGenesis ${finished.firm}`);
}
