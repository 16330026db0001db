import type { Calendar } from '@bulkhead/charter';
import { businessTime } from './calendar.js';

const BERLIN: Calendar = {
  timeZone: 'Europe/Berlin',
  workdays: ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY'],
  openMinute: 9 * 60,
  closeMinute: 17 * 60 + 30,
  holidays: ['2026-05-01', '2026-12-25'],
};
const at = (instant: string, calendar = BERLIN): string => {
  const { isBusinessDay, isBusinessHour } = businessTime(calendar, instant);
  return isBusinessHour ? 'open' : isBusinessDay ? 'closed' : 'no business';
};

describe('the business calendar', () => {
  it('opens and closes by the clock of its own time zone, winter and summer', () => {
    // 2 March 2026, a Monday: Berlin is an hour ahead of UTC
    expect([at('2026-03-02T07:59:59.999Z'), at('2026-03-02T08:00:00.000Z')]).toEqual(['closed', 'open']);
    expect([at('2026-03-02T16:29:59.999Z'), at('2026-03-02T16:30:00.000Z')]).toEqual(['open', 'closed']);
    // 1 July 2026, a Wednesday: two hours ahead
    expect([at('2026-07-01T06:59:00.000Z'), at('2026-07-01T07:00:00.000Z')]).toEqual(['closed', 'open']);
  });

  it('knows the day where the firm is, not the one in Greenwich', () => {
    // Sunday evening in Greenwich is Monday morning in Auckland, and Sunday afternoon in New York
    const auckland: Calendar = { ...BERLIN, timeZone: 'Pacific/Auckland' };
    expect(at('2026-03-01T21:00:00.000Z', auckland)).toBe('open');
    expect(at('2026-03-01T21:00:00.000Z', { ...BERLIN, timeZone: 'America/New_York' })).toBe('no business');
    expect(at('2026-03-01T23:30:00.000Z')).toBe('closed'); // half past midnight on Monday in Berlin
  });

  it('rests on holidays and on days that are no workdays', () => {
    expect([at('2026-05-01T10:00:00.000Z'), at('2026-12-25T10:00:00.000Z')]).toEqual(['no business', 'no business']);
    expect([at('2026-03-07T10:00:00.000Z'), at('2026-03-08T10:00:00.000Z')]).toEqual(['no business', 'no business']);
    // the holiday begins at midnight in Berlin
    expect([at('2026-04-30T21:59:00.000Z'), at('2026-04-30T22:01:00.000Z')]).toEqual(['closed', 'no business']);
  });
});
