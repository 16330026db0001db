import pkcs11, { type Handle } from 'pkcs11js';
import { readFlags, UNMODIFIABLE, wrongFlags } from './flags.js';
import { ATTRIBUTE_NAMES, type KeyBackup, wrongAttributes } from './key-attributes.js';
import { type KeyAttributes, keyAttributesSchema } from './protocol.js';
import { type TokenAccess } from './token-access.js';

const NUMBERS: Readonly<Record<keyof KeyAttributes, number>> = {
  sensitive: pkcs11.CKA_SENSITIVE,
  extractable: pkcs11.CKA_EXTRACTABLE,
  alwaysSensitive: pkcs11.CKA_ALWAYS_SENSITIVE,
  neverExtractable: pkcs11.CKA_NEVER_EXTRACTABLE,
  local: pkcs11.CKA_LOCAL,
  sign: pkcs11.CKA_SIGN,
  signRecover: pkcs11.CKA_SIGN_RECOVER,
  decrypt: pkcs11.CKA_DECRYPT,
  unwrap: pkcs11.CKA_UNWRAP,
  derive: pkcs11.CKA_DERIVE,
};

/** What the token says of a private key. */
export function readAttributes(session: TokenAccess, key: Handle): KeyAttributes {
  const read = readFlags(
    session,
    key,
    ATTRIBUTE_NAMES.map((name) => NUMBERS[name]),
  );
  return keyAttributesSchema.parse(Object.fromEntries(ATTRIBUTE_NAMES.map((name, place) => [name, read[place]])));
}

/** By what a key that was made just now is not as it must be: more is asked of it than of one that was there. */
export const wrongWithNewKey = (session: TokenAccess, key: Handle, backup: KeyBackup): string[] => [
  ...wrongAttributes(readAttributes(session, key), backup),
  ...wrongFlags(session, key, [UNMODIFIABLE]),
];
