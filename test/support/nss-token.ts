import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNss } from '#bootstrap/nss.mjs';

/**
 * A new key database of NSS softokn, the second PKCS#11 module of the tests, with a PIN: its security officer has none
 * at first. `undefined` when libnss3 is not installed and cannot be by `npm test`, which does so where it may.
 *
 * @throws Error when it is missing although it could have been installed: its tests are not to be left out unnoticed
 */
export function nssToken() {
  const library = findNss();
  if (library === undefined) {
    if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get'))
      throw new Error('NSS is missing: apt-get install libnss3');
    return undefined;
  }
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
