import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { actSchema, charterEntrySchema, type CharterEntry } from '@bulkhead/charter';
import { sealKit, kitDigest } from '@bulkhead/evidence';
import { intentDigest } from '@bulkhead/intent';
import { describeAct } from '../operator/charter-words.js';
import { readJsonFile } from '../stack/index.js';
import { OfflineMember } from './member.js';
import { approveAct, enact, proposeAct } from './offline-act.js';
import { readKit, withKit, withMember, type AsMember, type KitOptions } from './options.js';

interface ProposeActOptions extends KitOptions, AsMember {
  readonly act: string;
  readonly out: string;
}
interface ApproveActOptions extends KitOptions, AsMember {
  readonly entry: string;
}
interface EnactOptions extends KitOptions {
  readonly entry: string;
  readonly out: string;
}

/** Acts of the charter while nothing of the firm runs: a freeze must not block its own recovery. */
export function addEnactCommands(recover: Command): void {
  withMember(withKit(recover.command('propose-act')))
    .description('propose an act of the charter: lift a freeze, approve a destination, put a pending act into force')
    .requiredOption('--act <file>', 'the act, JSON, as docs/architecture.md lists them')
    .requiredOption('--out <file>', 'the entry, to be carried to its approvers')
    .action(async (options: ProposeActOptions) => {
      const { state } = readKit(options);
      const member = await OfflineMember.of(state, options.as, options.keyFile);
      const entry = proposeAct(state, member, readJsonFile(options.act, 'an act of the charter', actSchema));
      describe(entry);
      write(options.out, entry);
      console.log(`\nproposed by ${member.id}; the entry is in ${options.out}`);
    });
  withMember(withKit(recover.command('approve-act')))
    .description('show what an act says, and approve it')
    .requiredOption('--entry <file>', 'the entry; the approval is added to it')
    .action(async (options: ApproveActOptions) => {
      const member = await OfflineMember.of(readKit(options).state, options.as, options.keyFile);
      const entry = readJsonFile(options.entry, 'an entry of a charter', charterEntrySchema);
      describe(entry);
      write(options.entry, approveAct(member, entry));
      console.log(`\napproved by ${member.id}`);
    });
  withKit(recover.command('enact'))
    .description('add an entry that its quorum has approved to the kit’s charter; a delay that it has is waited out')
    .requiredOption('--entry <file>', 'the approved entry')
    .requiredOption('--out <file>', 'the new kit: from here on everybody goes by it')
    .action((options: EnactOptions) => {
      const opened = readKit(options);
      const entry = readJsonFile(options.entry, 'an entry of a charter', charterEntrySchema);
      describe(entry);
      const kit = enact(opened, entry);
      writeFileSync(options.out, sealKit(kit));
      console.log(`\n${options.out}: ${kit.charter.length} entries\nhash of the kit  ${kitDigest(kit)}`);
      const waits = readKit({ ...options, kit: options.out }).state.pending.get(entry.intent.id);
      if (waits) console.log(`It waits until ${waits.notBefore}: propose pending.enact of ${entry.intent.id} then.`);
    });
}

function describe({ intent }: CharterEntry): void {
  console.log(`${intent.chain}, place ${intent.sequence}, digest ${intentDigest(intent)}`);
  for (const line of describeAct(intent.act)) console.log(line);
}

const write = (file: string, entry: CharterEntry): void => {
  writeFileSync(file, `${JSON.stringify(entry, null, 2)}\n`);
};
