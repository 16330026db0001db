import pkcs11 from 'pkcs11js';
import { findObjects } from './find-objects.js';
import { type TokenObject } from './protocol.js';
import { type TokenAccess } from './token-access.js';

/**
 * Every secret that lies in the token, by what it is and can do: private keys and secret keys (PKCS#11 v2.40 sections 4.8
 * to 4.10). For an inventory, so nothing is left out: also what was put there by something else.
 */
export function tokenObjects(session: TokenAccess): TokenObject[] {
  return [pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_SECRET_KEY].flatMap((objectClass) =>
    findObjects(session, [{ type: pkcs11.CKA_CLASS, value: objectClass }]).map((handle) =>
      describe(session, objectClass, handle),
    ),
  );
}

const COMMON = [
  pkcs11.CKA_LABEL,
  pkcs11.CKA_SENSITIVE,
  pkcs11.CKA_EXTRACTABLE,
  pkcs11.CKA_LOCAL,
  pkcs11.CKA_SIGN,
  pkcs11.CKA_DECRYPT,
  pkcs11.CKA_UNWRAP,
];

function describe({ lib, handle }: TokenAccess, objectClass: number, object: Buffer): TokenObject {
  const [label, ...flags] = lib.C_GetAttributeValue(
    handle,
    object,
    COMMON.map((type) => ({ type })),
  );
  const [sensitive, extractable, local, sign, decrypt, unwrap] = flags.map(({ value }) => value[0] === 1);
  return {
    kind: objectClass === pkcs11.CKO_PRIVATE_KEY ? 'private' : 'secret',
    label: String(label?.value),
    attributes: {
      sensitive: sensitive === true,
      extractable: extractable === true,
      local: local === true,
      sign: sign === true,
      decrypt: decrypt === true,
      unwrap: unwrap === true,
    },
  };
}
