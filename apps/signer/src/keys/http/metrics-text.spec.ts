import { metricsText } from './metrics-text.js';

const metrics = {
  requests: { answered: 7, refused: 2, timedOut: 1, turnedAway: 1 },
  signatures: { made: 5, withheld: 1, perSecond: 0.5, latencyMs: { p50: 1.5, p95: 3, p99: 4 } },
  queue: { waiting: 1, underWay: 2, room: 256 },
  host: { state: 'ready', restarts: 3 },
};

describe('the metrics of a token as text', () => {
  const text = metricsText('signer "a"', metrics);

  it('name the token with each sample, escaped', () => {
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(samples.length).toBeGreaterThan(8);
    for (const sample of samples) expect(sample).toContain('{token="signer \\"a\\""');
  });

  it('count under names that end in _total, and give the quantiles of latency', () => {
    expect(text).toContain('bulkhead_token_requests_total{token="signer \\"a\\"",outcome="timed_out"} 1');
    expect(text).toContain('bulkhead_token_signatures_total{token="signer \\"a\\""} 5');
    expect(text).toContain('bulkhead_token_signatures_withheld_total{token="signer \\"a\\""} 1');
    expect(text).toContain(',quantile="0.99"} 4');
  });

  it('end as OpenMetrics wants it, with each family typed before its samples', () => {
    expect(text.endsWith('\n# EOF\n')).toBe(true);
    const [, first = ''] = /^# TYPE (\S+) /m.exec(text) ?? [];
    expect(text.indexOf(`# TYPE ${first} `)).toBeLessThan(text.indexOf(`${first}_total{`));
  });

  it('have no quantiles before the first signature, and say that a token is down', () => {
    const none = metricsText('a', {
      ...metrics,
      signatures: { ...metrics.signatures, latencyMs: null },
      host: { state: 'circuit-open', restarts: 9 },
    });
    expect(none).not.toContain('quantile');
    expect(none).toContain('bulkhead_token_ready{token="a"} 0');
  });
});
