import { slugSchema, textSchema } from '@bulkhead/intent';
import { z } from 'zod';

/** A firm keeps its signers apart; each holds at most one key of a wallet. */
export const signerSchema = z.strictObject({
  id: slugSchema,
  /** SHA-256 of the signer's TLS certificate (DER), hex: the only certificate its peers accept from it. */
  tlsFingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  /** Serial number of the one token that may hold this signer's keys (CK_TOKEN_INFO, PKCS#11 v2.40, 3.2). */
  tokenSerial: textSchema.min(1).max(16).optional(),
});
export type SignerRecord = z.infer<typeof signerSchema>;

/** A signer as the charter stands; one that is retired keeps its place, so that neither id nor certificate comes back. */
export interface Signer extends SignerRecord {
  readonly retired: boolean;
  /** Serial numbers of tokens that it had before: nobody else's ever. */
  readonly formerTokens?: readonly string[];
}

/** Members under one name, for quorums to ask. Its id is never that of a role. */
export const groupSchema = z.strictObject({
  id: slugSchema,
  members: z.array(slugSchema).min(1).max(200),
});
export type Group = z.infer<typeof groupSchema>;

export const WEEKDAYS = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'] as const;

/** When the firm is at work, for policies to ask. */
export const calendarSchema = z.strictObject({
  /** IANA name, as `Europe/Berlin`. */
  timeZone: z.string().max(64).refine(isTimeZone, 'not a time zone of the IANA database'),
  workdays: z.array(z.enum(WEEKDAYS)).min(1).max(7),
  /** Minutes of the local day: open from the first, closed from the second. */
  openMinute: z.int().min(0).max(1_439),
  closeMinute: z.int().min(1).max(1_440),
  /** Local dates, YYYY-MM-DD. */
  holidays: z.array(z.iso.date()).max(1_000),
});
export type Calendar = z.infer<typeof calendarSchema>;

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
