import { type Template } from 'pkcs11js';
import { type TokenAccess } from './token-access.js';

const FIND_AT_ONCE = 1_000;

/** The handles of all objects that match. Not graphene's `session.find`, which asks for one handle per call. */
export function findObjects({ lib, handle }: TokenAccess, template: Template): Buffer[] {
  lib.C_FindObjectsInit(handle, template);
  const found: Buffer[] = [];
  let some: Buffer[];
  do {
    some = lib.C_FindObjects(handle, FIND_AT_ONCE);
    found.push(...some);
  } while (some.length === FIND_AT_ONCE);
  lib.C_FindObjectsFinal(handle);
  return found;
}
