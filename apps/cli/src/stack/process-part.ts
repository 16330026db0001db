import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, rmSync, fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '#bootstrap/failure.mjs';
import { identityOf, stillRuns, type ProcessIdentity } from '#bootstrap/process-identity.mjs';
import { writeFileAtomically } from './files.js';
import type { Layout } from './layout.js';
import type { PartName } from './names.js';
import { requireFree } from './ports.js';
import { asUser, type Command, type UnprivilegedUser } from './unprivileged-user.js';

/** How to start one process of the stack, and how to see that it is ready. */
export interface PartSpec extends Command {
  readonly name: PartName;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Give up root for this user. */
  readonly user?: UnprivilegedUser | undefined;
  /** The signal that this program takes as "end cleanly". */
  readonly stopSignal: NodeJS.Signals;
  readonly stopTimeoutMs: number;
  readonly readyTimeoutMs: number;
  /** Heals what a killed earlier run left, just before each start. */
  prepare?(): Promise<void> | void;
  /** How often to try when it ends while starting; once by default. */
  readonly startAttempts?: number;
  /** One look whether it serves, given its process number; false or a rejection means not yet. */
  isReady(pid: number): Promise<boolean>;
  /** A last wish before a clean stop. */
  beforeStop?(): Promise<void> | void;
}

/** One running, restartable process of the stack. */
export interface Part {
  readonly name: PartName;
  readonly port: number;
  readonly logFile: string;
  readonly pid: number | undefined;
  readonly running: boolean;
  /** Starts it and waits until it serves. */
  start(): Promise<void>;
  /** Ends it cleanly; with SIGKILL when it does not end in its time. */
  stop(): Promise<void>;
  /** Stops cleanly and starts again on the same port and data. */
  restart(): Promise<void>;
  /** Sends a signal as a fault would. Waits for the end when the signal is SIGKILL; start() brings it back. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

export interface PartSurroundings {
  readonly layout: Layout;
  readonly log: (line: string) => void;
  /** Told when a part ends that nobody asked to end. */
  readonly onUnexpectedExit: (part: PartName, report: string) => void;
}

/** A look may be an HTTPS request, and several parts start at a time: more often, and looking takes what starting needs. */
const LOOK_EVERY_MS = 100;
const BETWEEN_ATTEMPTS_MS = 500;
const LOG_TAIL_BYTES = 1500;

export class ProcessPart implements Part {
  readonly name: PartName;
  readonly port: number;
  readonly logFile: string;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #endIsExpected = false;

  constructor(
    private readonly spec: PartSpec,
    private readonly around: PartSurroundings,
  ) {
    this.name = spec.name;
    this.port = spec.port;
    this.logFile = around.layout.logFile(spec.name);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  async start(): Promise<void> {
    if (this.running) return;
    await endLeftover(this.name, this.around);
    await requireFree(this.name, this.port);
    await this.spec.prepare?.();
    const startedAtMs = performance.now();
    await this.#startProcess(this.spec.startAttempts ?? 1);
    this.around.log(
      `${this.name} ready on port ${this.port} after ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`,
    );
  }

  async #startProcess(attempts: number): Promise<void> {
    try {
      this.#spawn();
      await this.#untilReady(Date.now() + this.spec.readyTimeoutMs);
    } catch (error) {
      if (attempts <= 1) throw error;
      await sleep(BETWEEN_ATTEMPTS_MS);
      return this.#startProcess(attempts - 1);
    }
    this.#endIsExpected = false; // until now the caller hears of it from us
  }

  async stop(): Promise<void> {
    if (!this.#child) return;
    this.#endIsExpected = true;
    try {
      await this.spec.beforeStop?.();
    } catch {
      // it may be dead already; the signal settles it either way
    }
    this.#child.kill('SIGCONT');
    this.#child.kill(this.spec.stopSignal);
    const ended = await Promise.race([
      this.#ended.then(() => true),
      sleep(this.spec.stopTimeoutMs, false, { ref: false }),
    ]);
    if (ended) return;
    this.around.log(`${this.name} did not end within ${this.spec.stopTimeoutMs / 1000} s: killing it`);
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.#child) return;
    this.#endIsExpected ||= signal !== 'SIGSTOP' && signal !== 'SIGCONT';
    this.#child.kill(signal);
    if (signal === 'SIGKILL') await this.#ended;
  }

  #spawn(): void {
    const { layout } = this.around;
    mkdirSync(layout.logs, { recursive: true, mode: 0o700 });
    const log = openSync(this.logFile, 'a', 0o600);
    const { command, args } = withParent(this.spec);
    const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC', ...this.spec.env };
    const child = spawn(command, args, {
      cwd: this.spec.cwd ?? '/',
      env,
      stdio: ['ignore', log, log],
      detached: true, // a terminal's Ctrl-C is for the launcher, which ends its parts in order
    });
    closeSync(log);
    this.#child = child;
    this.#endIsExpected = true;
    this.#ended = new Promise((resolve) => {
      const onEnd = (how: string): void => {
        this.#child = undefined;
        rmSync(layout.processFile(this.name), { force: true });
        resolve();
        if (!this.#endIsExpected) this.around.onUnexpectedExit(this.name, this.#report(how));
      };
      child.once('error', (error) => {
        onEnd(`could not be started: ${error.message}`);
      });
      child.once('exit', (code, signal) => {
        onEnd(signal ? `was ended by ${signal}` : `ended with status ${code ?? 'unknown'}`);
      });
    });
    const identity = child.pid === undefined ? undefined : identityOf(child.pid);
    if (identity) writeFileAtomically(layout.processFile(this.name), JSON.stringify(identity));
  }

  async #untilReady(endMs: number): Promise<void> {
    for (;;) {
      const child = this.#child;
      if (!child) throw new Failure(this.#report('ended while starting'));
      if (child.pid !== undefined && (await this.spec.isReady(child.pid).catch(() => false))) return;
      if (Date.now() > endMs) {
        await this.kill('SIGKILL');
        throw new Failure(this.#report(`was not ready within ${this.spec.readyTimeoutMs / 1000} s`));
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  #report(how: string): string {
    const tail = tailOf(this.logFile);
    return `${this.name} ${how}. Its log, ${this.logFile}, ends:\n${tail || '(empty)'}`;
  }
}

/** Ends the process that a killed launcher left behind, as recorded in its process file: cleanly if it can. */
export async function endLeftover(name: PartName, { layout, log }: PartSurroundings): Promise<void> {
  const file = layout.processFile(name);
  if (!existsSync(file)) return;
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  if (stillRuns(recorded)) {
    log(`${name} of an earlier run (process ${recorded.pid}) is still there: ending it`);
    await endProcess(recorded);
  }
  rmSync(file, { force: true });
}

async function endProcess(recorded: ProcessIdentity): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGCONT', 0],
    ['SIGINT', 10_000],
    ['SIGKILL', 5_000],
  ] as const) {
    process.kill(recorded.pid, signal);
    for (const endMs = Date.now() + waitMs; Date.now() < endMs;) {
      if (!stillRuns(recorded)) return;
      await sleep(LOOK_EVERY_MS);
    }
  }
}

/**
 * Wraps a command so that the system ends it when the launcher dies, be it by SIGKILL (prctl(2), PR_SET_PDEATHSIG), and
 * so that it runs as another user where asked. The process keeps its number: setpriv replaces itself by the command.
 */
function withParent(spec: PartSpec): Command {
  const { command, args } = asUser(spec);
  const options = ['--pdeathsig', spec.stopSignal.replace('SIG', '')];
  return command === 'setpriv'
    ? { command, args: [...options, ...args] }
    : { command: 'setpriv', args: [...options, '--', command, ...args] };
}

/** @returns the last lines of a log file, as far as they fit */
export function tailOf(file: string): string {
  if (!existsSync(file)) return '';
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const buffer = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES));
    readSync(handle, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8').split('\n').slice(-13).join('\n').trimEnd();
  } finally {
    closeSync(handle);
  }
}
