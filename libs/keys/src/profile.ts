import { z } from 'zod';

/**
 * What Bulkhead must know about a vendor's PKCS#11 module to use it. The files are in hsm-config/; its README says what
 * each field means. Nothing in a profile is secret.
 */
export const pkcs11ProfileSchema = z.strictObject({
  name: z.string().min(1).max(80),
  /** Whether it was tried on the module, or stands for what the vendor's documentation says. */
  evidence: z.enum(['tried', 'documentation']).optional(),
  /** The vendor's documentation that it was written by. */
  source: z.url().optional(),
  /** What an operator must know; nothing is decided by them. */
  notes: z.array(z.string().min(1)).optional(),
  /** Absolute paths where the vendor's installer puts the library: the first that exists is loaded. */
  libraries: z.array(z.string().regex(/^\//, 'an absolute path')).min(1),
  /** Environment variables that the module reads. The module host gets these, PATH and nothing else. */
  environment: z.array(z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/)),
  /** What C_Initialize is given in its reserved argument, for modules that take their settings there (NSS softokn). */
  libraryParameters: z.string().optional(),
  /** CKA_EC_PARAMS of the curve, DER in hex: only secp256k1 (SEC 2) is of use on Bitcoin and Ethereum. */
  curveOid: z.literal('06052b8104000a'),
  /** How CKA_EC_POINT comes: as PKCS#11 v2.40 section 2.3.3 says (a DER OCTET STRING), or as the bare point. */
  ecPoint: z.enum(['der-octet-string', 'raw']),
  /** The CKM_ names of key generation and of ECDSA over a ready digest (PKCS#11 v2.40 sections 2.3.5 and 2.3.6). */
  mechanisms: z.strictObject({
    generateKeyPair: z.string().regex(/^CKM_[A-Z0-9_]+$/),
    sign: z.string().regex(/^CKM_[A-Z0-9_]+$/),
  }),
  /**
   * `wrapped`: new keys may leave the token, wrapped by a wrapping key and never in clear, and such keys are taken back.
   * Default `none`: a key dies with its token. docs/operations.md says what either costs.
   */
  keyBackup: z.enum(['none', 'wrapped']).optional(),
});
export type Pkcs11Profile = z.infer<typeof pkcs11ProfileSchema>;

/**
 * A token's label: PKCS#11 gives it 32 bytes, padded with spaces, so it cannot end in one and plain ASCII keeps bytes
 * and characters the same.
 */
export const tokenLabelSchema = z
  .string()
  .regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,30}[\x21-\x7e])?$/, '1 to 32 characters');

/** The text of a softhsm2.conf for one token directory (an absolute path). One directory serves one process only. */
export function softhsmConfiguration(tokenDirectory: string): string {
  return [
    `directories.tokendir = ${tokenDirectory}`,
    'objectstore.backend = file',
    'log.level = ERROR',
    'slots.removable = false',
    '',
  ].join('\n');
}
