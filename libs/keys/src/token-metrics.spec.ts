import fc from 'fast-check';
import { MetricsRecorder } from './token-metrics.js';

describe('the metrics of a token', () => {
  it('have no latency before the first signature', () => {
    expect(new MetricsRecorder().signatures(5_000)).toEqual({ made: 0, withheld: 0, perSecond: 0, latencyMs: null });
  });

  it('give nearest-rank quantiles of what there was', () => {
    const metrics = new MetricsRecorder();
    for (let ms = 100; ms >= 1; ms -= 1) metrics.signed(0, ms);
    expect(metrics.signatures(1_000).latencyMs).toEqual({ p50: 50, p95: 95, p99: 99 });
  });

  it('forget what lies 1,024 signatures back', () => {
    const metrics = new MetricsRecorder();
    for (let count = 0; count < 5_000; count += 1) metrics.signed(0, count < 3_976 ? 1_000 : 1);
    expect(metrics.signatures(1_000)).toMatchObject({ made: 5_000, latencyMs: { p99: 1 } });
  });

  it('take the rate from the last ten whole seconds', () => {
    const metrics = new MetricsRecorder();
    for (let second = 0; second < 30; second += 1)
      for (let count = 0; count < second; count += 1) metrics.signed(second * 1_000 + 500, 1);
    // seconds 20 to 29: 20 + 21 + ... + 29
    expect(metrics.signatures(30_000).perSecond).toBe(24.5);
    expect(metrics.signatures(41_000).perSecond).toBe(0);
  });

  it('keep the quantiles in order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (latencies) => {
        const metrics = new MetricsRecorder();
        for (const latency of latencies) metrics.signed(0, latency);
        const { p50, p95, p99 } = metrics.signatures(1_000).latencyMs!;
        expect(p50 <= p95 && p95 <= p99 && p99 <= Math.max(...latencies)).toBe(true);
      }),
    );
  });
});
