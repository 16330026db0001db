import type { Calendar } from '@bulkhead/charter';

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    const parts = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' } as const;
    format = new Intl.DateTimeFormat('en-US', { ...parts, weekday: 'long', timeZone, hourCycle: 'h23' });
    formats.set(timeZone, format);
  }
  return format;
}

/** What the firm's calendar says of an instant, in its own time zone. An hour is one of business only on such a day. */
export function businessTime(
  { timeZone, workdays, openMinute, closeMinute, holidays }: Calendar,
  at: string,
): { readonly isBusinessDay: boolean; readonly isBusinessHour: boolean } {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(new Date(at))
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  const date = `${part('year')}-${part('month')}-${part('day')}`;
  const minute = Number(part('hour')) * 60 + Number(part('minute'));
  const weekday = part('weekday').toUpperCase();
  const isBusinessDay = workdays.some((day) => day === weekday) && !holidays.includes(date);
  return { isBusinessDay, isBusinessHour: isBusinessDay && minute >= openMinute && minute < closeMinute };
}
