import type { TokenMetrics } from '@bulkhead/keys';

export const METRICS_CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
  /** Of a counter or a summary: `_total`, `_count`. */
  readonly suffix?: string;
}

/** What a signer's token has done, in the text form of OpenMetrics 1.0, which Prometheus reads. */
export function metricsText(token: string, { requests, signatures, queue, host }: TokenMetrics): string {
  const { latencyMs } = signatures;
  const quantiles =
    latencyMs === null
      ? []
      : ([
          ['0.5', latencyMs.p50],
          ['0.95', latencyMs.p95],
          ['0.99', latencyMs.p99],
        ] as const);
  const outcomes = Object.entries({
    answered: requests.answered,
    refused: requests.refused,
    timed_out: requests.timedOut,
    turned_away: requests.turnedAway,
  });
  return [
    ...family(
      'token_requests',
      'counter',
      outcomes.map(([outcome, value]) => ({ labels: { outcome }, value, suffix: '_total' })),
    ),
    ...family('token_signatures', 'counter', [{ value: signatures.made, suffix: '_total' }]),
    ...family('token_signatures_withheld', 'counter', [{ value: signatures.withheld, suffix: '_total' }]),
    ...family('token_signatures_per_second', 'gauge', [{ value: signatures.perSecond }]),
    ...family(
      'token_sign_latency_milliseconds',
      'summary',
      quantiles.map(([quantile, value]) => ({ labels: { quantile }, value })),
    ),
    ...family('token_queue_depth', 'gauge', [
      { labels: { part: 'waiting' }, value: queue.waiting },
      { labels: { part: 'under_way' }, value: queue.underWay },
    ]),
    ...family('token_queue_room', 'gauge', [{ value: queue.room }]),
    ...family('token_host_restarts', 'counter', [{ value: host.restarts, suffix: '_total' }]),
    ...family('token_ready', 'gauge', [{ value: host.state === 'ready' ? 1 : 0 }]),
    '# EOF',
    '',
  ].join('\n');

  function family(name: string, type: string, samples: readonly Sample[]): string[] {
    const lines = samples.map(({ labels = {}, value, suffix = '' }) => {
      const all = Object.entries({ token, ...labels }).map(([label, said]) => `${label}="${escaped(said)}"`);
      return `bulkhead_${name}${suffix}{${all.join(',')}} ${value}`;
    });
    return [`# TYPE bulkhead_${name} ${type}`, ...lines];
  }
}

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
