/** What one token has done for its key store. Times are from the request until its end, waiting included. */
export interface TokenMetrics {
  readonly requests: {
    readonly answered: number;
    readonly refused: number;
    /** Of the refused: those that took longer than a request may, and those the queue had no room for. */
    readonly timedOut: number;
    readonly turnedAway: number;
  };
  readonly signatures: {
    /** Verified and given. */
    readonly made: number;
    /** That the token made and that were not of the key and the digest: one is an alarm. */
    readonly withheld: number;
    /** Over the last ten seconds. */
    readonly perSecond: number;
    /** Quantiles of the last 1,024; null before the first. */
    readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
  };
  readonly queue: { readonly waiting: number; readonly underWay: number; readonly room: number };
  readonly host: { readonly state: string; readonly restarts: number };
}

const SAMPLES = 1_024;
const RATE_WINDOW_MS = 10_000;

/** Counts and times; the same small memory after any number of requests. */
export class MetricsRecorder {
  answered = 0;
  refused = 0;
  timedOut = 0;
  turnedAway = 0;
  withheld = 0;
  private made = 0;
  private readonly latenciesMs = new Float64Array(SAMPLES);
  /** Signatures of each of the last seconds, by second modulo their number. */
  private readonly perSecond = Array.from({ length: RATE_WINDOW_MS / 1_000 + 1 }, () => ({ second: -1, count: 0 }));

  /** A signature that was made, `nowMs` and its latency on the same clock. */
  signed(nowMs: number, latencyMs: number): void {
    this.latenciesMs[this.made % SAMPLES] = latencyMs;
    this.made += 1;
    const second = Math.floor(nowMs / 1_000);
    const slot = this.perSecond[second % this.perSecond.length];
    if (slot === undefined) return;
    if (slot.second !== second) Object.assign(slot, { second, count: 0 });
    slot.count += 1;
  }

  requests(): TokenMetrics['requests'] {
    const { answered, refused, timedOut, turnedAway } = this;
    return { answered, refused, timedOut, turnedAway };
  }

  /** The second that is under way does not count towards the rate: it is not over yet. */
  signatures(nowMs: number): TokenMetrics['signatures'] {
    const now = Math.floor(nowMs / 1_000);
    const first = now - RATE_WINDOW_MS / 1_000;
    const recent = this.perSecond.filter(({ second }) => second >= first && second < now);
    const count = recent.reduce((sum, slot) => sum + slot.count, 0);
    const perSecond = count / (RATE_WINDOW_MS / 1_000);
    return { made: this.made, withheld: this.withheld, perSecond, latencyMs: this.quantiles() };
  }

  private quantiles(): TokenMetrics['signatures']['latencyMs'] {
    const sorted = this.latenciesMs.slice(0, Math.min(this.made, SAMPLES)).sort();
    const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
    return sorted.length === 0 ? null : { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  }
}
