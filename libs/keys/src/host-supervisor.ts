import { type ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { type Refusal, refused, type Result } from '@bulkhead/intent';
import { type KeyStoreListener } from './events.js';
import { type HostMessage, type HostRequest, type OpenOrder, hostMessageSchema } from './host/protocol.js';
import { forkHost } from './host-process.js';
import { openPinFile } from './pin-file.js';
import { MOST_WRONG_PINS, type PinTries } from './pin-tries.js';

export interface SupervisorOptions {
  readonly entry: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly order: OpenOrder;
  readonly pinFile: string;
  readonly pinTries: PinTries;
  readonly startTimeoutMs: number;
  readonly onEvent: KeyStoreListener;
  /** A clock that never goes back; `performance.now` but in tests. */
  readonly nowMs?: () => number;
}

export type HostState =
  | { readonly state: 'ready'; readonly pid: number; readonly detail: string }
  | { readonly state: 'restarting'; readonly detail: string }
  /** So many starts in a row came to nothing that requests are refused at once; starting is still tried. */
  | { readonly state: 'circuit-open'; readonly detail: string }
  /** For good: a person must do something, then the key store is opened again. */
  | { readonly state: 'failed'; readonly refusal: Refusal };

export type HostReply = Extract<HostMessage, { kind: 'answer' | 'refusal' }>;

export interface SupervisorListener {
  /** The state is another one than before. */
  changed: (state: HostState) => void;
  replied: (reply: HostReply) => void;
}

const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 5_000;
/** After so many starts in a row that led to nothing (about 1.5 s of them), requests are not even kept waiting. */
const MOST_FRUITLESS_STARTS = 5;
/** A host that was ready for so long has led to something, whether or not anybody asked it for anything. */
const STEADY_AFTER_MS = 60_000;
const CLOSE_PATIENCE_MS = 2_000;

/** Keeps one module host alive: starts it, hands it the PIN file, and starts it anew when it is gone. */
export class HostSupervisor {
  state: HostState = { state: 'restarting', detail: 'the module host is being started' };
  /** How many hosts were started in the place of others so far. */
  restarts = 0;
  private host: ChildProcess | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Starts in a row that did not lead to one answered request, nor to a host that lasted. */
  private fruitless = 0;
  private readySinceMs: number | undefined;
  private closed = false;
  private wasReady = false;

  constructor(
    private readonly options: SupervisorOptions,
    private readonly listener: SupervisorListener,
  ) {}

  /** A host that is ready after the circuit was open has to answer one request before it is given more at once. */
  get isOnTrial(): boolean {
    return this.fruitless >= MOST_FRUITLESS_STARTS;
  }

  start(): void {
    if (this.options.pinTries.exhausted()) {
      this.fail(this.pinRefusal());
      return;
    }
    const pin = this.openPin();
    if (!pin.ok) {
      // a folder that went away with its token may come back, and looking for it uses up no try
      if (this.wasReady) this.startLater(pin.refusal.detail);
      else this.fail(pin.refusal);
      return;
    }
    const host = forkHost(this.options.entry, this.options.environment, [pin.value]);
    closeSync(pin.value);
    this.host = host;
    let lastWords = '';
    host.on('message', (message) => {
      if (host === this.host) lastWords = this.heard(host, message) ?? lastWords;
    });
    host.once('error', (error) => {
      lastWords = String(error);
      if (host.pid === undefined) this.gone(host, lastWords);
    });
    host.once('exit', (code, signal) => {
      this.gone(
        host,
        lastWords === '' ? `the module host ended (${signal ?? `status ${code ?? 'unknown'}`})` : lastWords,
      );
    });
    const { startTimeoutMs } = this.options;
    this.timer = setTimeout(() => {
      lastWords = `the module host was not ready within ${startTimeoutMs} ms`;
      host.kill('SIGKILL');
    }, startTimeoutMs);
    host.send(this.options.order, ignoreSendError);
  }

  /** Sends to a host that is ready. A host that is gone by then is noticed by its exit. */
  send(request: HostRequest): void {
    this.host?.send(request, ignoreSendError);
  }

  /** Ends a host that does not answer any more; a new one follows. */
  kill(): void {
    this.host?.kill('SIGKILL');
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    const host = this.host;
    this.change({ state: 'failed', refusal: refused('keys.unavailable', 'The key store is closed.').refusal });
    if (host === undefined || host.exitCode !== null || host.signalCode !== null) return;
    const ended = new Promise((resolve) => host.once('exit', resolve));
    const impatience = setTimeout(() => host.kill('SIGKILL'), CLOSE_PATIENCE_MS);
    if (host.connected) host.disconnect();
    await ended;
    clearTimeout(impatience);
  }

  /** Gives the last words of a host that announces its end. */
  private heard(host: ChildProcess, raw: unknown): string | undefined {
    const parsed = hostMessageSchema.safeParse(raw);
    if (!parsed.success) {
      host.kill('SIGKILL');
      return 'the module host said what nobody understands';
    }
    const message = parsed.data;
    switch (message.kind) {
      case 'ready':
        clearTimeout(this.timer);
        this.wasReady = true;
        this.readySinceMs = this.nowMs();
        this.options.onEvent({ event: 'host-ready', pid: host.pid ?? 0, serial: message.token.serial });
        this.change({ state: 'ready', pid: host.pid ?? 0, detail: `token ${message.token.label}` });
        return undefined;
      case 'cannot-start':
        if (message.reason === 'pin') this.fail(this.pinRefused(message));
        return message.detail;
      case 'failing':
        return message.detail;
      case 'answer':
      case 'refusal':
        if (this.isOnTrial) this.options.onEvent({ event: 'circuit-closed' });
        this.fruitless = 0;
        this.listener.replied(message);
        return undefined;
    }
  }

  private gone(host: ChildProcess, detail: string): void {
    if (host !== this.host || this.closed) return;
    clearTimeout(this.timer);
    this.host = undefined;
    if (this.nowMs() - (this.readySinceMs ?? Infinity) >= STEADY_AFTER_MS) this.fruitless = 0;
    this.readySinceMs = undefined;
    if (this.state.state !== 'failed') this.startLater(detail);
  }

  private nowMs(): number {
    return this.options.nowMs?.() ?? performance.now();
  }

  private openPin(): Result<number> {
    const { pinTries, pinFile } = this.options;
    return pinTries.canBeKept()
      ? openPinFile(pinFile)
      : refused('keys.pin-file-unsafe', `Wrong PINs cannot be counted in ${pinTries.file}: make it writable.`);
  }

  private startLater(detail: string): void {
    const restartInMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.fruitless, LONGEST_BACKOFF_MS);
    this.fruitless += 1;
    this.options.onEvent({ event: 'host-down', detail, restartInMs });
    if (this.fruitless === MOST_FRUITLESS_STARTS) this.options.onEvent({ event: 'circuit-open', detail });
    this.change({ state: this.isOnTrial ? 'circuit-open' : 'restarting', detail });
    this.timer = setTimeout(() => {
      this.restarts += 1;
      this.start();
    }, restartInMs);
  }

  private fail(refusal: Refusal): void {
    this.options.onEvent({ event: 'host-failed', detail: refusal.detail });
    this.change({ state: 'failed', refusal });
  }

  private change(state: HostState): void {
    this.state = state;
    this.listener.changed(state);
  }

  private pinRefused({ detail, ckr = 'unknown' }: Extract<HostMessage, { kind: 'cannot-start' }>): Refusal {
    const { order, pinTries } = this.options;
    if (ckr !== 'CKR_PIN_INCORRECT')
      return refused('keys.pin-incorrect', `Token ${order.tokenLabel}: ${detail}. Its officer must see to it.`, {
        token: order.tokenLabel,
        ckr,
      }).refusal;
    this.options.onEvent({ event: 'pin-incorrect', wrongTries: pinTries.count() });
    return this.pinRefusal(ckr);
  }

  private pinRefusal(ckr?: string): Refusal {
    const { order, pinFile, pinTries } = this.options;
    const wrongTries = pinTries.count();
    const cure = `See that the right PIN is in ${pinFile}${pinTries.exhausted() ? `, delete ${pinTries.file}` : ''} and start again.`;
    return refused(
      'keys.pin-incorrect',
      `Token ${order.tokenLabel} does not take the PIN (${wrongTries} of ${MOST_WRONG_PINS} tries used). ${cure}`,
      { token: order.tokenLabel, wrongTries: String(wrongTries), ...(ckr === undefined ? {} : { ckr }) },
    ).refusal;
  }
}

/** A message that cannot be sent is one to a host that is gone, and its exit is what counts. */
function ignoreSendError(_error: Error | null): void {
  return;
}
