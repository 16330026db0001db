/**
 * An attacker who has the PIN and the token directory, and tries what PKCS#11 offers to get a private key out. Prints
 * one JSON object: attempt -> "OUT" or the CKR_ code that refused it. Arguments: library, PIN file, key label.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pkcs11 from 'pkcs11js';

const [library, pinFile, label] = process.argv.slice(2);
const module = new pkcs11.PKCS11();
module.load(library);
module.C_Initialize();
const slot = module
  .C_GetSlotList(true)
  .find((candidate) => (module.C_GetTokenInfo(candidate).flags & pkcs11.CKF_TOKEN_INITIALIZED) !== 0);
const session = module.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
module.C_Login(session, pkcs11.CKU_USER, readFileSync(pinFile, 'utf8'));

const attribute = (type, value) => ({ type, value });
const [key] = (() => {
  module.C_FindObjectsInit(session, [
    attribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY),
    attribute(pkcs11.CKA_LABEL, label),
  ]);
  const found = module.C_FindObjects(session, 2);
  module.C_FindObjectsFinal(session);
  return found;
})();
const wrappingKey = module.C_GenerateKey(session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
  attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
  attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
  attribute(pkcs11.CKA_VALUE_LEN, 32),
  attribute(pkcs11.CKA_WRAP, true),
  attribute(pkcs11.CKA_DECRYPT, true),
]);
const set = (type, value) => module.C_SetAttributeValue(session, key, [attribute(type, value)]);
const wrap = (mechanism, parameter) =>
  module.C_WrapKey(session, { mechanism, parameter }, wrappingKey, key, Buffer.alloc(4096));

const attempts = {
  'read the value': () => module.C_GetAttributeValue(session, key, [attribute(pkcs11.CKA_VALUE)]),
  'make it extractable': () => set(pkcs11.CKA_EXTRACTABLE, true),
  'make it not sensitive': () => set(pkcs11.CKA_SENSITIVE, false),
  'copy it as extractable': () => module.C_CopyObject(session, key, [attribute(pkcs11.CKA_EXTRACTABLE, true)]),
  'copy it as not sensitive': () => module.C_CopyObject(session, key, [attribute(pkcs11.CKA_SENSITIVE, false)]),
  'wrap it (AES key wrap)': () => wrap(0x2109, null),
  'wrap it (AES-CBC)': () => wrap(pkcs11.CKM_AES_CBC, Buffer.alloc(16)),
  'decrypt with it': () => module.C_DecryptInit(session, { mechanism: pkcs11.CKM_RSA_PKCS }, key),
};
const outcomes = {};
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    attempt();
    outcomes[name] = 'OUT';
  } catch (error) {
    outcomes[name] = error.message.split(':')[0];
  }
}

// And one more: a key of the attacker's making under a custody key's id, which could be read out at any time.
const id = createHash('sha256').update('planted').digest().subarray(0, 20);
module.C_GenerateKeyPair(
  session,
  { mechanism: pkcs11.CKM_EC_KEY_PAIR_GEN },
  [
    attribute(pkcs11.CKA_TOKEN, true),
    attribute(pkcs11.CKA_EC_PARAMS, Buffer.from('06052b8104000a', 'hex')),
    attribute(pkcs11.CKA_ID, id),
  ],
  [
    attribute(pkcs11.CKA_TOKEN, true),
    attribute(pkcs11.CKA_PRIVATE, true),
    attribute(pkcs11.CKA_SENSITIVE, false),
    attribute(pkcs11.CKA_EXTRACTABLE, true),
    attribute(pkcs11.CKA_SIGN, true),
    attribute(pkcs11.CKA_ID, id),
    attribute(pkcs11.CKA_LABEL, 'planted'),
  ],
);
module.C_Finalize();
console.log(JSON.stringify(outcomes));
