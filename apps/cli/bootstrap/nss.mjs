// @ts-check
import { existsSync } from 'node:fs';

/** Where Debian's libnss3 puts its PKCS#11 module, in this release and in earlier ones. */
const PLACES = ['/usr/lib/x86_64-linux-gnu/libsoftokn3.so', '/usr/lib/x86_64-linux-gnu/nss/libsoftokn3.so'];

/** @returns {string | undefined} path of NSS softokn, which only tests use */
export function findNss() {
  return PLACES.find((place) => existsSync(place));
}
