import { z } from 'zod';
import { pkcs11ProfileSchema, tokenLabelSchema } from '../profile.js';
import { findingSchema } from './finding.js';

/** What the child is to do. The PIN comes by an inherited descriptor. */
export const probeOrderSchema = z.strictObject({
  library: z.string().regex(/^\//, 'an absolute path'),
  libraryParameters: z.string().optional(),
  /** What a signer would be told of the module; without it, what the standard says. */
  profile: pkcs11ProfileSchema.optional(),
  tokenLabel: tokenLabelSchema,
  /** Where a login is counted before it is tried; nowhere when the PIN comes from a pipe. */
  pinTriesFile: z.string().min(1).optional(),
  /** How many signatures the rates are taken from. */
  signatures: z.int().min(10).max(100_000),
  /** How many sessions are opened at once, at most. */
  sessions: z.int().min(2).max(1_000),
  /** How many wrong PINs are tried: 0 unless a person asked for it. */
  wrongPins: z.int().min(0).max(10),
  /** Only take away what an earlier run left behind. */
  sweepOnly: z.boolean(),
});
export type ProbeOrder = z.infer<typeof probeOrderSchema>;

export const probeMessageSchema = z.discriminatedUnion('kind', [
  /** Said before each check, so that a crash or a hang has a name. */
  z.strictObject({ kind: z.literal('about'), check: z.string() }),
  z.strictObject({ kind: z.literal('opened') }),
  z.strictObject({ kind: z.literal('finding'), finding: findingSchema }),
  z.strictObject({
    kind: z.literal('cannot-run'),
    reason: z.enum(['module', 'token', 'pin']),
    detail: z.string(),
    ckr: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('done') }),
]);
export type ProbeMessage = z.infer<typeof probeMessageSchema>;
