import pkcs11, { type Handle } from 'pkcs11js';
import { type TokenAccess } from './token-access.js';

/** What an object must say of itself: the attribute's name, its number and the value. */
export type Flags = readonly (readonly [name: string, type: number, wanted: boolean])[];

/**
 * Of every key that is made here: what it is good for stays as it was made. With the PIN alone CKA_DERIVE or CKA_DECRYPT
 * could else be switched on, and a host that knows the key would not notice before its next start. A token may have older
 * keys that lack it: they are used as before.
 */
export const UNMODIFIABLE: Flags[number] = ['modifiable', pkcs11.CKA_MODIFIABLE, false];

export function readFlags({ lib, handle }: TokenAccess, object: Handle, types: readonly number[]): boolean[] {
  const read = lib.C_GetAttributeValue(
    handle,
    object,
    types.map((type) => ({ type })),
  );
  return types.map((_type, place) => read[place]?.value[0] === 1);
}

/** The names of the flags by which an object is not as it must be. */
export function wrongFlags(session: TokenAccess, object: Handle, wanted: Flags): string[] {
  const read = readFlags(
    session,
    object,
    wanted.map(([, type]) => type),
  );
  return wanted.filter(([, , value], place) => read[place] !== value).map(([name]) => name);
}
