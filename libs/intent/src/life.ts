import { accepted, refused, type Result } from './refusals.js';

/** The longest that an intent lives, in seconds: a week, as long as an act that waits may still be put into force. */
export const INTENT_LIFE_SECONDS = 604_800;
/** How far the clock of the member's device may be ahead. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** Whether an intent may be decided on at an instant (RFC 3339): not expired, not of the future, and of no longer life. */
export function checkLife(
  { createdAt, expiresAt }: { readonly createdAt: string; readonly expiresAt: string },
  at: string,
): Result<true> {
  const facts = { createdAt, expiresAt, at };
  if (expiresAt < at) return refused('intent.expired', 'The intent has expired.', facts);
  if (Date.parse(createdAt) > Date.parse(at) + CLOCK_SKEW_MS)
    return refused('intent.in-future', 'The intent says that it was made later than now.', facts);
  return Date.parse(expiresAt) - Date.parse(createdAt) <= INTENT_LIFE_SECONDS * 1000
    ? accepted(true)
    : refused('intent.too-long', 'An intent lives a week at most: propose it anew later.', facts);
}
