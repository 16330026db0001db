// @ts-check
import { existsSync } from 'node:fs';

/** Where Debian puts it: the package's own folder, and the multiarch one of later releases. */
const PLACES = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so'];

/** @returns {string | undefined} path of the SoftHSM 2 module: SOFTHSM2_LIB, else the installed one */
export function findSoftHsm() {
  const named = process.env.SOFTHSM2_LIB;
  if (named) return existsSync(named) ? named : undefined;
  return PLACES.find((place) => existsSync(place));
}
