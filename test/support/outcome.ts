import type { Result } from '@bulkhead/intent';

/** `accepted`, or the code of the refusal. */
export const codeOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : result.refusal.code);

export const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
