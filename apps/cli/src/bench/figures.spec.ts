import { jsonLine, perSecond, summarise, table } from './figures.js';

const figure = (...ratios: number[]) => ({
  name: 'transfer.btc.vs_sign',
  unit: 'signatures/s',
  runs: ratios.map((ratio) => ({ ours: ratio * 2_000, against: 2_000 })),
});

describe('a figure', () => {
  it('is the run with the median ratio, whatever the order of runs, beside the lowest and the highest', () => {
    const summary = summarise(figure(0.5, 0.1, 0.3, 0.2, 0.4));
    expect(summary.median).toEqual({ ours: 600, against: 2_000, ratio: 0.3 });
    expect([summary.minRatio, summary.maxRatio]).toEqual([0.1, 0.5]);
  });

  it('keeps the rates of the median run together, also when a slow machine made both small', () => {
    const runs = [
      { ours: 100, against: 1_000 },
      { ours: 10, against: 20 },
      { ours: 90, against: 100 },
    ];
    expect(summarise({ name: 'x', unit: 'u', runs }).median).toEqual({ ours: 10, against: 20, ratio: 0.5 });
  });

  it.each([[[]], [[0.1, 0.2]]])('refuses %j, which have no median run', (ratios) => {
    expect(() => summarise(figure(...ratios))).toThrow('odd number');
  });

  it.each([
    { ours: 0, against: 1 },
    { ours: 1, against: 0 },
    { ours: Number.NaN, against: 1 },
    { ours: Number.POSITIVE_INFINITY, against: 1 },
  ])('refuses $ours against $against', (run) => {
    expect(() => summarise({ name: 'x', unit: 'u', runs: [run] })).toThrow('was measured as');
  });

  it('is one line of JSON with its name, both rates, their ratio and the unit', () => {
    const line = jsonLine(summarise({ name: 'x', unit: 'u', runs: [{ ours: 123.456, against: 2_000 }] }));
    expect(line).toBe('{"name":"x","ours":123.5,"against":2000,"ratio":0.06173,"unit":"u"}');
  });

  it('is a row under its headings', () => {
    const [headings, row, ...others] = table([summarise(figure(0.1, 0.2, 0.3))]);
    expect(headings?.split(/\s+/)).toEqual(['figure', 'ours', 'against', 'ratio', 'min', 'max', 'unit']);
    expect(row?.split(/\s+/)).toEqual([
      'transfer.btc.vs_sign',
      '400.0',
      '2000.0',
      '0.2000',
      '0.1000',
      '0.3000',
      'signatures/s',
    ]);
    expect(others).toEqual([]);
  });
});

it('events per second are those of the time that passed', () => {
  expect(perSecond(50, 250)).toBe(200);
});
