import type { Result } from '@bulkhead/intent';

/** `accepted`, or the code of the refusal. */
export const codeOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : result.refusal.code);

/** The facts that a refusal names. */
export const factsOf = (result: Result<unknown>): Readonly<Record<string, string>> =>
  result.ok ? {} : result.refusal.facts;

export const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
