/**
 * An attacker who has the PIN of a token and a wrapped key, and tries what PKCS#11 offers. Arguments: library, PIN file,
 * what to try, and for `loose` the wrapped key's file, for `older` the secret in hex, for
 * `unseal` the sealing key's name. Prints one JSON object.
 */
import { createHash, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pkcs11 from 'pkcs11js';

const [library, pinFile, what, ...more] = process.argv.slice(2);
const [blobFile] = more;
const module = new pkcs11.PKCS11();
module.load(library);
module.C_Initialize();
const slot = module
  .C_GetSlotList(true)
  .find((candidate) => (module.C_GetTokenInfo(candidate).flags & pkcs11.CKF_TOKEN_INITIALIZED) !== 0);
const session = module.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
module.C_Login(session, pkcs11.CKU_USER, readFileSync(pinFile, 'utf8'));

/** PKCS#11 v2.40 section 2.9. */
const CKM_AES_CMAC = 0x108a;
const NOT_A_WRAPPING_KEYS = [
  pkcs11.CKA_EXTRACTABLE,
  pkcs11.CKA_MODIFIABLE,
  pkcs11.CKA_ENCRYPT,
  pkcs11.CKA_DECRYPT,
  pkcs11.CKA_SIGN,
  pkcs11.CKA_VERIFY,
  pkcs11.CKA_DERIVE,
];
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
    ...NOT_A_WRAPPING_KEYS.map((type) => attribute(type, false)),
  ]);
  say({ clear: '' });
}

/** Puts the secret's own pair there as earlier versions made it: modifiable, and with what the module adds by itself. */
function plantOlderPair() {
  const [secret] = more;
  const derived = (purpose) =>
    Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'hex'), '', `bulkhead/backup/${purpose}`, 32));
  for (const old of [...find(idOf('wrap\nbackup')), ...find(idOf('bind\nbackup'))])
    module.C_DestroyObject(session, old);
  const create = (keyType, id, value, uses, unused) =>
    module.C_CreateObject(session, [
      attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
      attribute(pkcs11.CKA_KEY_TYPE, keyType),
      attribute(pkcs11.CKA_TOKEN, true),
      attribute(pkcs11.CKA_PRIVATE, true),
      attribute(pkcs11.CKA_ID, idOf(id)),
      attribute(pkcs11.CKA_LABEL, 'backup'),
      attribute(pkcs11.CKA_VALUE, value),
      ...[pkcs11.CKA_SENSITIVE, ...uses].map((type) => attribute(type, true)),
      ...[pkcs11.CKA_EXTRACTABLE, ...unused].map((type) => attribute(type, false)),
    ]);
  create(pkcs11.CKK_GENERIC_SECRET, 'bind\nbackup', derived('bind'), [pkcs11.CKA_SIGN], []);
  const [encrypt, decrypt] = [pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT];
  create(pkcs11.CKK_AES, 'wrap\nbackup', derived('wrap'), [pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP], [encrypt, decrypt]);
  say({ clear: '' });
}

/** What else a wrapping key might be made to do. */
function misuseWrappingKey() {
  const [key] = find(idOf('wrap\nbackup'));
  const [binding] = find(idOf('bind\nbackup'));
  const outcome = (attempt) => {
    try {
      attempt();
      return 'OUT';
    } catch (error) {
      return error.message.split(':')[0];
    }
  };
  const set = (object, type) => () => module.C_SetAttributeValue(session, object, [attribute(type, true)]);
  const cbc = { mechanism: pkcs11.CKM_AES_CBC, parameter: Buffer.alloc(16) };
  say({
    'let it decrypt': outcome(set(key, pkcs11.CKA_DECRYPT)),
    'decrypt with it': outcome(() => module.C_DecryptInit(session, cbc, key)),
    'copy it as one that decrypts': outcome(() =>
      module.C_CopyObject(session, key, [attribute(pkcs11.CKA_DECRYPT, true)]),
    ),
    'make an AES-CMAC with it': outcome(() => {
      module.C_SignInit(session, { mechanism: CKM_AES_CMAC }, key);
      module.C_Sign(session, Buffer.alloc(16), Buffer.alloc(16));
    }),
    'let the binding key wrap': outcome(set(binding, pkcs11.CKA_WRAP)),
    'let the binding key be derived from': outcome(set(binding, pkcs11.CKA_DERIVE)),
  });
}

/** What else a sealing key might be made to do. */
function misuseSealingKey() {
  const [key] = find(idOf(`seal:${more[0]}`));
  const types = { wrap: pkcs11.CKA_WRAP, unwrap: pkcs11.CKA_UNWRAP, sign: pkcs11.CKA_SIGN, derive: pkcs11.CKA_DERIVE };
  const outcomes = Object.entries(types).map(([use, type]) => {
    try {
      module.C_SetAttributeValue(session, key, [attribute(type, true)]);
      return [use, 'OUT'];
    } catch (error) {
      return [use, error.message.split(':')[0]];
    }
  });
  say(Object.fromEntries(outcomes));
}

const attacks = {
  plant: plantWrappingKey,
  loose: unwrapLoosely,
  halve: halveWrappingKey,
  exchange: exchangeWrappingKey,
  older: plantOlderPair,
  misuse: misuseWrappingKey,
  unseal: misuseSealingKey,
};
attacks[what]();
module.C_Finalize();
