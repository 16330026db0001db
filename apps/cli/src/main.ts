import { Command } from 'commander';
import { bench, FIGURES } from './bench/bench.js';
import { RefusalError } from '@bulkhead/intent';
import { ApiRefusal } from './api/api-client.js';
import { addCeremonyCommands } from './ceremony/commands.js';
import { demo } from './demo.js';
import { addCharterCommands } from './operator/charter-commands.js';
import { addDecisionCommands } from './operator/decision-commands.js';
import { addDoorCommands } from './operator/door-commands.js';
import { addKeyCommands } from './operator/key-commands.js';
import { addMpcCommands } from './operator/mpc-commands.js';
import { addMemberKeyCommands } from './members/member-key-commands.js';
import { addHsmCommands } from './hsm/hsm-commands.js';
import { addOperatorCommands } from './operator/commands.js';
import { addDestinationCommands } from './operator/destination-commands.js';
import { addPolicyCommands } from './operator/policy-commands.js';
import { Failure, PORT_NAMES, type PortName } from './stack/index.js';
import { addRecoveryCommands } from './recover/commands.js';
import { addDrillCommands } from './rotation/drill.js';
import { addRotateCommand } from './rotation/rotate-command.js';
import { up } from './up.js';
import { addVerifyCommands } from './verify/commands.js';

const BENCH_HELP = `
Figures go to the standard output, as a table and as one line of JSON each; progress goes to the error output.
Exit status 0: everything was measured; 1: something was not, and the error output says what.`;

const program = new Command('bulkhead').description('Multi-signature custody orchestrator: the development stack.');

const upCommand = program.command('up').description('start the whole stack and stay up until Ctrl-C or `npm run down`');
for (const part of PORT_NAMES) upCommand.option(`--port-${part} <port>`, `TCP port of ${part} on 127.0.0.1`);
upCommand.action(async (options: Record<string, string | undefined>) => {
  const ports: Partial<Record<PortName, string>> = {};
  for (const part of PORT_NAMES) {
    // commander names --port-signer-a portSignerA
    const typed = options[`port-${part}`.replace(/-(\w)/g, (_dash, letter: string) => letter.toUpperCase())];
    if (typed !== undefined) ports[part] = typed;
  }
  await up(ports);
});
program
  .command('demo')
  .description('play the story on a stack of its own in a temporary folder; exit status 0 only if every line is right')
  .option('--keep', 'keep the temporary folder', false)
  .action(async (options: { keep: boolean }) => {
    if (!(await demo(options))) process.exitCode = 1;
  });
addOperatorCommands(program);
addDestinationCommands(program);
addPolicyCommands(program);
addCharterCommands(program);
addDoorCommands(program);
addKeyCommands(program);
addMpcCommands(program);
addDecisionCommands(program);
addHsmCommands(program);
addRecoveryCommands(program);
addCeremonyCommands(program);
addMemberKeyCommands(program);
addVerifyCommands(program);
addDrillCommands(program);
addRotateCommand(program);
program
  .command('bench')
  .description('measure signatures per second, raw and through the whole path, on a stack of its own')
  .argument('[figures...]', `what to measure, or the beginning of its name: ${FIGURES.join(', ')}`)
  .addHelpText('after', BENCH_HELP)
  .action(bench);

/** Known mistakes, and what the system says of a file that cannot be written: no stack trace helps with them. */
const isForPeople = (error: unknown): error is Error =>
  error instanceof Failure ||
  error instanceof ApiRefusal ||
  error instanceof RefusalError ||
  (error instanceof Error && 'syscall' in error && 'path' in error);

try {
  await program.parseAsync();
} catch (error) {
  console.error(isForPeople(error) ? `\n${error.message}` : error);
  process.exitCode = 1;
}
