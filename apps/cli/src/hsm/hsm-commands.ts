import { InvalidArgumentError, Option, type Command } from 'commander';
import { RefusalError } from '@bulkhead/intent';
import { probeModule, type Finding, type ProbeReport } from '@bulkhead/keys';
import { addBackupCommands } from './backup-commands.js';
import { findingLine, shortFacts } from './findings.js';
import { addWrappingKeyCommands } from './wrapping-key/commands.js';

interface ProbeFlags {
  readonly module: string;
  readonly token: string;
  readonly pinFile: string;
  readonly libraryParameters?: string;
  readonly signatures: number;
  readonly sessions: number;
  readonly tryWrongPin: number;
  readonly checkTimeout: number;
  readonly json: boolean;
}

const PROBE_HELP = `
The module is loaded in a process of its own, with this one's environment (SOFTHSM2_CONF and the like). Everything that
the probe makes bears the label bulkhead-probe and is taken away again, at the next run if a crash got in between.

  ok       as it should be                 missing  the module cannot do it
  guarded  it does, Bulkhead guards us     wrong    it does what it must not
  noted    a fact                          *        a quorum key needs it

Exit status 0: fit for quorum keys. 1: usable in part. 2: it cannot be run at all.`;

/** What an operator asks an HSM before it is trusted with a key. */
export function addHsmCommands(program: Command): void {
  const hsm = program.command('hsm').description('PKCS#11 modules and their tokens');
  hsm
    .command('probe')
    .description('try what a PKCS#11 module supports, and what it does wrong')
    .requiredOption('--module <file>', 'the PKCS#11 library, an absolute path')
    .requiredOption('--token <label>', 'the label of an initialised token')
    .requiredOption('--pin-file <file>', 'the user PIN: a 0600 file, or - for a pipe on standard input')
    .option('--library-parameters <text>', 'what C_Initialize is given (NSS: configdir=...)')
    .addOption(count('--signatures <count>', 'how many the rates are taken from', 10, 100_000).default(200))
    .addOption(count('--sessions <count>', 'how many are opened at once, at most', 2, 1_000).default(32))
    .addOption(count('--check-timeout <seconds>', 'how long one check may take', 1, 3_600).default(60))
    .addOption(
      count(
        '--try-wrong-pin <count>',
        'try so many wrong PINs, which MAY LOCK THE TOKEN: never on one in use',
        0,
        10,
      ).default(0),
    )
    .option('--json', 'one JSON document instead of lines', false)
    .addHelpText('after', PROBE_HELP)
    .action(probe);
  addWrappingKeyCommands(hsm);
  addBackupCommands(hsm);
}

async function probe(flags: ProbeFlags): Promise<void> {
  const print = (finding: Finding): void => {
    if (flags.json) return;
    console.log(findingLine(finding));
    for (const line of shortFacts(finding)) console.log(line);
  };
  let report: ProbeReport;
  try {
    report = await probeModule({
      library: flags.module,
      libraryParameters: flags.libraryParameters,
      tokenLabel: flags.token,
      pinFile: flags.pinFile === '-' ? undefined : flags.pinFile,
      signatures: flags.signatures,
      sessions: flags.sessions,
      wrongPins: flags.tryWrongPin,
      checkTimeoutMs: flags.checkTimeout * 1_000,
      environment: environmentForModules(),
      onFinding: print,
    });
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    console.error(error.refusal.detail);
    process.exitCode = 2;
    return;
  }
  if (flags.json) console.log(JSON.stringify(report, null, 2));
  else console.log(`\n${report.tokenLabel}: ${report.verdict}`);
  process.exitCode = report.status;
}

/** Vendors' modules read variables of their own; what steers Node is not for them. */
function environmentForModules(): Record<string, string> {
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries.filter(([name]) => !name.startsWith('NODE_')));
}

function count(flags: string, description: string, least: number, most: number): Option {
  return new Option(flags, description).argParser((text: string): number => {
    const value = /^\d{1,6}$/.test(text) ? Number.parseInt(text, 10) : NaN;
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(`a whole number, ${least} to ${most}`);
    return value;
  });
}
