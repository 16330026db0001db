import { openKeyStore, pkcs11ProfileSchema, type KeyStore, type Pkcs11Profile } from '@bulkhead/keys';
import { Failure, readJsonFile } from '../stack/index.js';

/** Where a token is, and what opens it. */
export interface TokenAt {
  readonly profile: Pkcs11Profile;
  readonly label: string;
  readonly pinFile: string;
  readonly env: Readonly<Record<string, string>>;
}

export const readProfile = (file: string): Pkcs11Profile =>
  readJsonFile(file, 'a PKCS#11 profile (hsm-config/README.md)', pkcs11ProfileSchema);

/**
 * Opens a token; the caller closes it. A token that refuses says so at its first request.
 *
 * @throws Failure or RefusalError when it is not even asked: a variable is not given, or the PIN file is not private
 */
export function openToken({ profile, label, pinFile, env }: TokenAt): Promise<KeyStore> {
  requireVariables(profile, env);
  return openKeyStore({ profile, tokenLabel: label, pinFile, env });
}

/** @throws Failure when a variable that the module reads is not given */
export function requireVariables({ name, environment }: Pkcs11Profile, env: TokenAt['env']): void {
  const missing = environment.filter((variable) => env[variable] === undefined);
  if (missing.length === 0) return;
  throw new Failure(`The PKCS#11 module of ${name} needs ${missing.join(', ')}.`, 'Give it as its profile says.');
}
