import { isDatabaseOutage } from './outage.js';

const withCode = (code: string) => Object.assign(new Error('failed'), { code });

describe('a database outage', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', '08006', '53300', '57014', '57P01', '57P03'])('is %s', (code) => {
    expect(isDatabaseOutage(withCode(code))).toBe(true);
  });

  it.each(['23505', '42P01', '40001', 'ERR_ASSERTION'])('is not %s', (code) => {
    expect(isDatabaseOutage(withCode(code))).toBe(false);
  });

  it('is a connection that ended, also inside what TypeORM throws', () => {
    const lost = new Error('Connection terminated unexpectedly');
    expect(isDatabaseOutage(lost)).toBe(true);
    expect(isDatabaseOutage(Object.assign(new Error('query failed'), { driverError: lost }))).toBe(true);
    expect(isDatabaseOutage(Object.assign(new Error('query failed'), { driverError: withCode('57P01') }))).toBe(true);
  });

  it('is nothing else', () => {
    for (const other of [new Error('boom'), 'Connection terminated', undefined, { code: '57P01' }]) {
      expect(isDatabaseOutage(other)).toBe(false);
    }
  });
});
