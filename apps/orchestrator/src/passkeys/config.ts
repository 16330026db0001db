import { z } from 'zod';

/** The relying party of WebAuthn: what members' browsers bind their passkeys to. */
export const passkeysConfigSchema = z.strictObject({
  /** The domain, without scheme and port. */
  rpId: z.string().min(1).max(253),
  rpName: z.string().min(1).max(100),
  /** The one page origin on which passkeys are registered and used. */
  origin: z.url(),
});
export type PasskeysConfig = z.infer<typeof passkeysConfigSchema>;
