import { once } from 'node:events';
import { closeSync, fstatSync } from 'node:fs';
import { orThrow, refused, type Result, accepted } from '@bulkhead/intent';
import { forkHost, hostEntryFile, hostEnvironment } from '../host-process.js';
import { openPinFile } from '../pin-file.js';
import { MOST_WRONG_PINS, PinTries, pinTriesFile } from '../pin-tries.js';
import { type Finding, type ProbeStatus, statusOf, verdictOf } from './finding.js';
import { type ProbeMessage, type ProbeOrder, probeMessageSchema } from './probe-protocol.js';

export interface ProbeOptions extends Omit<ProbeOrder, 'sweepOnly' | 'pinTriesFile'> {
  /** A regular file that only its owner may read; `undefined`: the pipe on standard input. */
  readonly pinFile: string | undefined;
  /** What the module may read of its environment; where there is a profile, as far as that names it. */
  readonly environment: Readonly<Record<string, string>>;
  /** How long one check may take. */
  readonly checkTimeoutMs: number;
  readonly onFinding?: (finding: Finding) => void;
}

export interface ProbeReport {
  readonly library: string;
  readonly tokenLabel: string;
  readonly status: ProbeStatus;
  readonly verdict: string;
  readonly findings: readonly Finding[];
}

const STANDARD_INPUT = 0;

/**
 * Runs every check of the conformance probe on one token, in a child process. A module that crashes or hangs is found
 * out, and what it left behind is taken away by a second child.
 *
 * @throws RefusalError `keys.pin-file-unsafe` or `keys.pin-incorrect` before anything is tried
 */
export async function probeModule(options: ProbeOptions): Promise<ProbeReport> {
  const tries = options.pinFile === undefined ? undefined : new PinTries(pinTriesFile(options.pinFile));
  if (tries?.exhausted() === true)
    orThrow(refused('keys.pin-incorrect', `${MOST_WRONG_PINS} wrong PINs were tried: see ${tries.file}.`));
  const first = await runChild(options, false);
  // the PIN of a pipe is gone by now
  if (first.opened && !first.ended && options.pinFile !== undefined) await runChild(options, true);
  const status = statusOf(first.opened, first.findings);
  return {
    library: options.library,
    tokenLabel: options.tokenLabel,
    status,
    verdict: verdictOf(status, first.findings),
    findings: first.findings,
  };
}

interface ChildRun {
  readonly findings: Finding[];
  opened: boolean;
  /** Came to its end by itself. */
  ended: boolean;
}

async function runChild(options: ProbeOptions, sweepOnly: boolean): Promise<ChildRun> {
  const pin = orThrow(openPin(options.pinFile));
  const { profile, environment: given } = options;
  const environment = profile === undefined ? given : hostEnvironment(profile, given);
  const child = forkHost(hostEntryFile('probe/probe-child'), environment, [pin]);
  if (pin !== STANDARD_INPUT) closeSync(pin);
  const run: ChildRun = { findings: [], opened: false, ended: false };
  const found = (finding: Finding): void => {
    run.findings.push(finding);
    if (!sweepOnly) options.onFinding?.(finding);
  };
  const at = { check: 'module.load', isHanging: false };
  const patience = setTimeout(() => {
    at.isHanging = true;
    child.kill('SIGKILL');
  }, options.checkTimeoutMs);
  child.on('message', (raw) => {
    patience.refresh();
    const message: ProbeMessage = probeMessageSchema.parse(raw);
    if (message.kind === 'about') at.check = message.check;
    if (message.kind === 'opened') run.opened = true;
    if (message.kind === 'finding') found(message.finding);
    if (message.kind === 'done' || message.kind === 'cannot-run') run.ended = true;
    if (message.kind === 'cannot-run') found(cannotRun(message));
  });
  child.send(orderOf(options, sweepOnly));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  clearTimeout(patience);
  const how = at.isHanging ? 'hangs' : `crashes (${signal ?? `status ${code ?? 'unknown'}`})`;
  if (!run.ended) found(ended(at.check, how));
  return run;
}

function orderOf(options: ProbeOptions, sweepOnly: boolean): ProbeOrder {
  const { library, libraryParameters, profile, tokenLabel, signatures, sessions, wrongPins, pinFile } = options;
  const tries = pinFile === undefined ? {} : { pinTriesFile: pinTriesFile(pinFile) };
  return { library, libraryParameters, profile, tokenLabel, signatures, sessions, wrongPins, sweepOnly, ...tries };
}

function openPin(file: string | undefined): Result<number> {
  if (file !== undefined) return openPinFile(file);
  if (fstatSync(STANDARD_INPUT).isFIFO()) return accepted(STANDARD_INPUT);
  return refused('keys.pin-file-unsafe', 'The standard input is not a pipe to read the PIN from.');
}

const cannotRun = ({ reason, detail, ckr }: Extract<ProbeMessage, { kind: 'cannot-run' }>): Finding => ({
  check: `module.${reason === 'module' ? 'load' : reason === 'token' ? 'find-token' : 'login'}`,
  outcome: 'missing',
  needed: true,
  detail,
  facts: ckr === undefined ? {} : { ckr },
});

const ended = (check: string, how: string): Finding => ({
  check,
  outcome: 'wrong',
  needed: true,
  detail: `the module ${how} here; what follows was not tried`,
  facts: {},
});
