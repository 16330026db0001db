import { accepted, type Refusal, refused, type Result } from '@bulkhead/intent';
import { type KeyStoreListener } from './events.js';
import { type AnswerValue, type HostCall, answerValueSchemas } from './host/protocol.js';
import { MetricsRecorder, type TokenMetrics } from './token-metrics.js';
import { type HostReply, HostSupervisor, type HostState, type SupervisorOptions } from './host-supervisor.js';

export interface QueueLimits {
  /** Requests that may wait or be under way at once. */
  readonly maxQueue: number;
  /** How long a request may take, waiting included; one that has the token opened anew, as long as a start besides. */
  readonly requestTimeoutMs: number;
  /** Threads that sign in the host. */
  readonly workers: number;
}

/** A host signs in threads of their own, beside everything else: one can be stuck while the other is not. */
type Lane = 'signing' | 'everything-else';

interface Pending {
  readonly id: number;
  readonly call: HostCall;
  readonly settle: (result: Result<unknown>) => void;
  /** Hosts that were sent this request and ended before they answered it. */
  lostHosts: number;
}

/** For each worker: enough to keep it busy while answers travel; few enough that little is lost with the host. */
const MOST_UNDER_WAY = 16;
/** A request that two hosts died of is not given to a third. */
const MOST_LOST_HOSTS = 2;

/**
 * Takes requests, keeps their number within bounds, and gives each to the host once it is ready. Every request may be
 * done twice without harm, so one that a dying host had is given to its successor.
 */
export class RequestQueue {
  private readonly supervisor: HostSupervisor;
  private readonly onEvent: KeyStoreListener;
  private readonly startTimeoutMs: number;
  private waiting: Pending[] = [];
  private readonly underWay = new Map<number, Pending>();
  private nextId = 0;
  /** What the host was sent and has not answered, timed out or not, by the part of it that works on it. */
  private readonly unanswered = new Map<number, HostCall>();
  private readonly watchdogs = new Map<Lane, NodeJS.Timeout>();
  readonly recorder = new MetricsRecorder();

  constructor(
    options: SupervisorOptions,
    private readonly limits: QueueLimits,
    private readonly stateChanged: (state: HostState) => void,
  ) {
    this.onEvent = options.onEvent;
    this.startTimeoutMs = options.startTimeoutMs;
    this.supervisor = new HostSupervisor(options, {
      changed: (state) => {
        this.hostChanged(state);
      },
      replied: (reply) => {
        this.hostReplied(reply);
      },
    });
  }

  get state(): HostState {
    return this.supervisor.state;
  }

  metrics(): TokenMetrics {
    return {
      requests: this.recorder.requests(),
      signatures: this.recorder.signatures(performance.now()),
      queue: { waiting: this.waiting.length, underWay: this.underWay.size, room: this.limits.maxQueue },
      host: { state: this.state.state, restarts: this.supervisor.restarts },
    };
  }

  start(): void {
    this.supervisor.start();
  }

  close(): Promise<void> {
    return this.supervisor.close();
  }

  async ask<Op extends HostCall['op']>(call: HostCall & { op: Op }): Promise<Result<AnswerValue<Op>>> {
    const result = await this.enqueue(call);
    if (!result.ok) {
      this.recorder.refused += 1;
      return result;
    }
    this.recorder.answered += 1;
    const value = answerValueSchemas[call.op].safeParse(result.value);
    if (!value.success) return refused('keys.unavailable', `The module host's answer to ${call.op} is malformed.`);
    return accepted(value.data as AnswerValue<Op>);
  }

  private enqueue(call: HostCall): Promise<Result<unknown>> {
    const { state } = this.supervisor;
    if (state.state === 'failed') return Promise.resolve({ ok: false, refusal: state.refusal });
    if (state.state === 'circuit-open') return Promise.resolve({ ok: false, refusal: isDown(state.detail) });
    const { maxQueue } = this.limits;
    if (this.waiting.length + this.underWay.size >= maxQueue) {
      this.recorder.turnedAway += 1;
      return Promise.resolve(
        refused('keys.busy', 'The token has as many requests as it may: try again in a moment.', {
          maxQueue: String(maxQueue),
        }),
      );
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.timeOut(pending);
      }, this.timeoutMs(call));
      const settle = (result: Result<unknown>) => {
        clearTimeout(timer);
        resolve(result);
      };
      const pending: Pending = { id: this.nextId++, call, settle, lostHosts: 0 };
      this.waiting.push(pending);
      if (state.state === 'ready') this.sendMore();
    });
  }

  private sendMore(): void {
    const most = this.supervisor.isOnTrial ? 1 : MOST_UNDER_WAY * this.limits.workers;
    while (this.underWay.size < most) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      this.underWay.set(next.id, next);
      this.unanswered.set(next.id, next.call);
      this.supervisor.send({ id: next.id, ...next.call });
      this.watch(laneOf(next.call));
    }
  }

  /** A part of a host that has work and says nothing for twice as long as a request may take is stuck in the module. */
  private watch(lane: Lane): void {
    const work = [...this.unanswered.values()].filter((call) => laneOf(call) === lane);
    if (this.watchdogs.has(lane) || work.length === 0) return;
    const watchdog = setTimeout(
      () => {
        this.supervisor.kill();
      },
      2 * Math.max(...work.map((call) => this.timeoutMs(call))),
    );
    this.watchdogs.set(lane, watchdog);
  }

  private timeoutMs({ op }: HostCall): number {
    return this.limits.requestTimeoutMs + (OPENS_TOKEN_ANEW.has(op) ? this.startTimeoutMs : 0);
  }

  private unwatch(lane: Lane): void {
    clearTimeout(this.watchdogs.get(lane));
    this.watchdogs.delete(lane);
  }

  private forgetHost(): void {
    this.unanswered.clear();
    for (const lane of [...this.watchdogs.keys()]) this.unwatch(lane);
  }

  private hostReplied(reply: HostReply): void {
    const call = this.unanswered.get(reply.id);
    this.unanswered.delete(reply.id);
    if (call !== undefined) {
      const lane = laneOf(call);
      this.unwatch(lane);
      this.watch(lane);
    }
    const pending = this.underWay.get(reply.id);
    if (pending === undefined) this.onEvent({ event: 'answer-too-late', requestId: reply.id });
    this.underWay.delete(reply.id);
    pending?.settle(reply.kind === 'answer' ? accepted(reply.value) : refused(reply.code, reply.detail, reply.facts));
    this.sendMore();
  }

  private hostChanged(state: HostState): void {
    switch (state.state) {
      case 'ready':
        this.sendMore();
        break;
      case 'restarting':
        this.takeBack(state.detail);
        break;
      case 'circuit-open':
        this.refuseAll(isDown(state.detail));
        break;
      case 'failed':
        this.refuseAll(state.refusal);
        break;
    }
    this.stateChanged(state);
  }

  private takeBack(detail: string): void {
    this.forgetHost();
    const lost = [...this.underWay.values()];
    this.underWay.clear();
    for (const pending of lost) pending.lostHosts += 1;
    this.waiting = [...lost.filter(({ lostHosts }) => lostHosts < MOST_LOST_HOSTS), ...this.waiting];
    for (const { lostHosts, settle } of lost)
      if (lostHosts >= MOST_LOST_HOSTS) settle(refused('keys.unavailable', `The module host failed: ${detail}`));
  }

  private refuseAll(refusal: Refusal): void {
    this.forgetHost();
    const all = [...this.underWay.values(), ...this.waiting];
    this.underWay.clear();
    this.waiting = [];
    for (const { settle } of all) settle({ ok: false, refusal });
  }

  private timeOut(pending: Pending): void {
    const timeoutMs = this.timeoutMs(pending.call);
    this.recorder.timedOut += 1;
    this.underWay.delete(pending.id);
    this.waiting = this.waiting.filter((other) => other !== pending);
    const { state } = this.supervisor;
    const reason = state.state === 'failed' ? state.refusal.detail : state.detail;
    pending.settle(
      refused('keys.unavailable', `The token did not answer within ${timeoutMs} ms (${reason}).`, {
        timeoutMs: String(timeoutMs),
      }),
    );
  }
}

/** What must last is looked for in a token opened anew, which may take as long as a start besides. */
const OPENS_TOKEN_ANEW: ReadonlySet<HostCall['op']> = new Set([
  'generateKey',
  'generateSealKey',
  'keepSealed',
  'unwrapKey',
  'installWrappingKey',
  'destroyKey',
  'destroySealKey',
]);

const isDown = (detail: string): Refusal =>
  refused('keys.unavailable', `The token fails again and again (${detail}); it is still being tried.`).refusal;

const laneOf = ({ op }: HostCall): Lane => (op === 'signDigest' ? 'signing' : 'everything-else');
