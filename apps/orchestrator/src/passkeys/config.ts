import { z } from 'zod';

/** The relying party of WebAuthn: what members' browsers bind their passkeys to. */
export const passkeysConfigSchema = z.strictObject({
  /** The domain, without scheme and port. */
  rpId: z.string().min(1).max(253),
  rpName: z.string().min(1).max(100),
  /** The one page origin on which passkeys are registered and used. */
  origin: z.url(),
  /**
   * Models of authenticators (AAGUID) that may be registered, each shown by an attestation certificate; none: any. Whether
   * a certificate's issuer is the maker is for who approves the enrolment.
   */
  trustedAuthenticators: z.array(z.guid().toLowerCase()).max(1_000).default([]),
});
export type PasskeysConfig = z.infer<typeof passkeysConfigSchema>;
