import { existsSync, readFileSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { RefusalError } from '@bulkhead/intent';
import { pkcs11ProfileSchema, probeModule, type Finding, type ProbeOptions, type ProbeReport } from '@bulkhead/keys';
import { Failure } from '../stack/index.js';
import { addBackupCommands } from './backup-commands.js';
import { findingLine, shortFacts } from './findings.js';
import { addWrappingKeyCommands } from './wrapping-key/commands.js';

interface ProbeFlags {
  readonly module?: string;
  readonly profile?: string;
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
The module is loaded in a process of its own. With --profile it is loaded as a signer would: of this process's environment
it gets what the profile names and PATH, and the profile's fields are checked. With --module it gets the whole environment
(SOFTHSM2_CONF and the like). Everything that the probe makes bears the label bulkhead-probe and is taken away again, at
the next run if a crash got in between.

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
    .option('--module <file>', 'the PKCS#11 library, an absolute path')
    .addOption(
      new Option('--profile <file>', 'instead: a profile as in hsm-config/').conflicts(['module', 'libraryParameters']),
    )
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
      ...targetOf(flags),
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
    if (error instanceof RefusalError) console.error(error.refusal.detail);
    else if (error instanceof Failure) console.error(error.message);
    else throw error;
    process.exitCode = 2;
    return;
  }
  if (flags.json) console.log(JSON.stringify(report, null, 2));
  else console.log(`\n${report.tokenLabel}: ${report.verdict}`);
  process.exitCode = report.status;
}

type Target = Pick<ProbeOptions, 'library' | 'libraryParameters' | 'profile'>;

function targetOf({ module, libraryParameters, profile: file }: ProbeFlags): Target {
  if (file === undefined) {
    if (module === undefined) throw new Failure('No module is named.', 'Name it by --profile or --module.');
    return { library: module, libraryParameters };
  }
  const profile = readProfile(file);
  const library = profile.libraries.find((path) => existsSync(path));
  if (library === undefined)
    throw new Failure(`None of the libraries of ${file} is there.`, `It names ${profile.libraries.join(', ')}.`);
  const missing = profile.environment.filter((name) => process.env[name] === undefined);
  if (missing.length > 0) throw new Failure(`The module of ${file} needs ${missing.join(', ')}.`, 'Set it.');
  return { library, libraryParameters: profile.libraryParameters, profile };
}

function readProfile(file: string): NonNullable<Target['profile']> {
  try {
    return pkcs11ProfileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Failure(`${file} is no PKCS#11 profile.`, error instanceof Error ? error.message : String(error));
  }
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
