import { checkLife } from './life.js';

const AT = '2026-01-08T00:00:00.000Z';
const codeOf = (createdAt: string, expiresAt: string): string => {
  const result = checkLife({ createdAt, expiresAt }, AT);
  return result.ok ? 'accepted' : result.refusal.code;
};

describe('the life of an intent', () => {
  it.each([
    ['a week', '2026-01-01T00:00:00.000Z', AT, 'accepted'],
    ['longer', '2026-01-01T00:00:00.000Z', '2026-01-08T00:00:00.001Z', 'intent.too-long'],
    ['over', '2026-01-01T00:00:00.000Z', '2026-01-07T23:59:59.999Z', 'intent.expired'],
    ['begun by a clock that is ahead', '2026-01-08T00:05:00.000Z', '2026-01-08T01:00:00.000Z', 'accepted'],
    ['not begun', '2026-01-08T00:05:00.001Z', '2026-01-08T01:00:00.000Z', 'intent.in-future'],
  ])('is %s', (_what, createdAt, expiresAt, expected) => {
    expect(codeOf(createdAt, expiresAt)).toBe(expected);
  });
});
