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

/** ECDH with a public key of the attacker's choice, here the generator of secp256k1: what comes out is d·G. */
function agree() {
  const generator =
    '0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8';
  const parameter = { type: pkcs11.CK_PARAMS_EC_DH, kdf: 1, publicData: Buffer.from(generator, 'hex') };
  return module.C_DeriveKey(session, { mechanism: pkcs11.CKM_ECDH1_DERIVE, parameter }, key, [
    attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
    attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
    attribute(pkcs11.CKA_SENSITIVE, false),
    attribute(pkcs11.CKA_EXTRACTABLE, true),
    attribute(pkcs11.CKA_VALUE_LEN, 32),
  ]);
}

const attempts = {
  'read the value': () => module.C_GetAttributeValue(session, key, [attribute(pkcs11.CKA_VALUE)]),
  'make it extractable': () => set(pkcs11.CKA_EXTRACTABLE, true),
  'make it not sensitive': () => set(pkcs11.CKA_SENSITIVE, false),
  'copy it as extractable': () => module.C_CopyObject(session, key, [attribute(pkcs11.CKA_EXTRACTABLE, true)]),
  'copy it as not sensitive': () => module.C_CopyObject(session, key, [attribute(pkcs11.CKA_SENSITIVE, false)]),
  'wrap it (AES key wrap)': () => wrap(0x2109, null),
  'wrap it (AES-CBC)': () => wrap(pkcs11.CKM_AES_CBC, Buffer.alloc(16)),
  'let it agree on secrets': () => set(pkcs11.CKA_DERIVE, true),
  'let it decrypt': () => set(pkcs11.CKA_DECRYPT, true),
  'let it unwrap': () => set(pkcs11.CKA_UNWRAP, true),
  'make it modifiable': () => set(pkcs11.CKA_MODIFIABLE, true),
  'give it another name': () => set(pkcs11.CKA_LABEL, 'another'),
  'copy it as one that agrees on secrets': () =>
    module.C_CopyObject(session, key, [attribute(pkcs11.CKA_DERIVE, true), attribute(pkcs11.CKA_TOKEN, false)]),
  'agree on a secret with it (ECDH)': agree,
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

/** A key of the attacker's making under a custody key's id. */
function plant(name, sensitive) {
  const id = createHash('sha256').update(name).digest().subarray(0, 20);
  const pair = module.C_GenerateKeyPair(
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
      attribute(pkcs11.CKA_SENSITIVE, sensitive),
      attribute(pkcs11.CKA_EXTRACTABLE, !sensitive),
      attribute(pkcs11.CKA_SIGN, true),
      ...[pkcs11.CKA_SIGN_RECOVER, pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE].map((type) =>
        attribute(type, false),
      ),
      attribute(pkcs11.CKA_ID, id),
      attribute(pkcs11.CKA_LABEL, name),
    ],
  );
  return pair.privateKey;
}

// one that could be read out at any time, and two as earlier versions made them, of which one gets another use
plant('planted', false);
plant('older', true);
module.C_SetAttributeValue(session, plant('older-loosened', true), [attribute(pkcs11.CKA_DERIVE, true)]);
module.C_Finalize();
console.log(JSON.stringify(outcomes));
