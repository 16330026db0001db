import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNss } from '#bootstrap/nss.mjs';

/**
 * A new key database of NSS softokn, the second PKCS#11 module of the tests, with a PIN: its security officer has none
 * at first. `undefined` when libnss3 is not installed (`npm test` installs it where it may).
 */
export function nssToken() {
  const library = findNss();
  if (library === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-nss-'));
  const libraryParameters = `configdir='sql:${folder}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`;
  const pinFile = join(folder, 'pin');
  writeFileSync(pinFile, 'a PIN for tests', { mode: 0o600 });
  const initialise = join(import.meta.dirname, 'initialise-nss.mjs');
  execFileSync(process.execPath, [initialise, library, libraryParameters, pinFile]);
  return {
    library,
    libraryParameters,
    tokenLabel: 'NSS Certificate DB',
    pinFile,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
