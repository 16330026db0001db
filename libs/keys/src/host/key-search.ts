import { ObjectClass } from 'graphene-pk11';
import pkcs11 from 'pkcs11js';
import { findObjects } from './find-objects.js';
import { readValue, type TokenAccess } from './token-access.js';

export interface KeyHandles {
  readonly private: readonly Buffer[];
  readonly public: readonly Buffer[];
}

/**
 * The handles of both halves of an elliptic-curve key, by its CKA_ID. A search takes time in proportion to all the objects
 * there are (10,000 of them: 0.35 s in SoftHSM), so both are found by one, and no key that was found once is searched for.
 */
export function findKey(session: TokenAccess, id: Buffer): KeyHandles {
  const objects = findObjects(session, [EC, { type: pkcs11.CKA_ID, value: id }]).map((object) => ({
    object,
    kind: kindOf(session, object),
  }));
  const ofKind = (wanted: ObjectClass): Buffer[] =>
    objects.filter(({ kind }) => kind === wanted).map(({ object }) => object);
  return { private: ofKind(ObjectClass.PRIVATE_KEY), public: ofKind(ObjectClass.PUBLIC_KEY) };
}

export const findPrivateKeys = (session: TokenAccess): Buffer[] =>
  findObjects(session, [{ type: pkcs11.CKA_CLASS, value: ObjectClass.PRIVATE_KEY }, EC]);

const EC = { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_EC };

/** CKA_CLASS is a number in the machine's order; of a key, all of its bytes but one are zero. */
function kindOf(session: TokenAccess, object: Buffer): number | undefined {
  return readValue(session, object, pkcs11.CKA_CLASS).find((byte) => byte !== 0);
}
