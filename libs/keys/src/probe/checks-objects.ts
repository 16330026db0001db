import { randomBytes } from 'node:crypto';
import pkcs11, { type AesGCM, type Handle } from 'pkcs11js';
import { attribute } from '../host/key-template.js';
import { type Check, type Observed, type Workbench } from './check.js';
import { attempt, PROBE_LABEL, type ProbedToken } from './probed-token.js';

const SEARCHES = 5;

export const OBJECT_CHECKS: readonly Check[] = [
  { name: 'object.data', needed: true, run: keepData },
  { name: 'object.search', needed: false, run: searchCost },
  { name: 'seal.aes-gcm', needed: false, run: seal },
  { name: 'wrap.aes-key-wrap', needed: false, run: wrap },
];

/** The signer keeps its charter head in a private data object of the token. */
function keepData({ token }: Workbench): Observed {
  const value = randomBytes(64);
  const made = token.lib.C_CreateObject(token.session, [
    attribute(pkcs11.CKA_CLASS, pkcs11.CKO_DATA),
    attribute(pkcs11.CKA_TOKEN, true),
    attribute(pkcs11.CKA_PRIVATE, true),
    attribute(pkcs11.CKA_MODIFIABLE, false),
    attribute(pkcs11.CKA_APPLICATION, PROBE_LABEL),
    attribute(pkcs11.CKA_LABEL, PROBE_LABEL),
    attribute(pkcs11.CKA_VALUE, value),
  ]);
  const isKept = token.value(made, pkcs11.CKA_VALUE).equals(value);
  const found = token.find([attribute(pkcs11.CKA_CLASS, pkcs11.CKO_DATA), attribute(pkcs11.CKA_LABEL, PROBE_LABEL)]);
  const startedMs = performance.now();
  token.destroy(made);
  const facts = { found: String(found.length), destroyMs: (performance.now() - startedMs).toFixed(1) };
  if (!isKept || found.length !== 1) return { outcome: 'wrong', detail: 'a data object is not given back', facts };
  return { outcome: 'ok', detail: 'keeps a private data object of 64 bytes (the signer’s charter head)', facts };
}

function searchCost({ token }: Workbench): Observed {
  const objects = token.find([]).length;
  const startedMs = performance.now();
  for (let count = 0; count < SEARCHES; count += 1) token.find([attribute(pkcs11.CKA_ID, randomBytes(20))]);
  const searchMs = (performance.now() - startedMs) / SEARCHES;
  const facts = { objects: String(objects), searchMs: searchMs.toFixed(2) };
  return { outcome: 'noted', detail: `${facts.searchMs} ms to search ${objects} objects by id`, facts };
}

/** What seals shares of an MPC group: AES-256-GCM with a key that stays in the token. */
function seal({ token }: Workbench): Observed {
  const { lib, session } = token;
  const key = sessionAesKey(token, [pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT]);
  const aad = Buffer.from('context');
  const type = pkcs11.CK_PARAMS_AES_GCM;
  const parameter: AesGCM = { type, iv: randomBytes(12), ivBits: 96, aad, tagBits: 128 };
  const mechanism = { mechanism: pkcs11.CKM_AES_GCM, parameter };
  const plain = randomBytes(64);
  lib.C_EncryptInit(session, mechanism, key);
  const sealed = lib.C_Encrypt(session, plain, Buffer.alloc(256));
  const open = (box: Buffer): Buffer => {
    lib.C_DecryptInit(session, mechanism, key);
    return lib.C_Decrypt(session, box, Buffer.alloc(256));
  };
  if (!open(sealed).equals(plain)) return { outcome: 'wrong', detail: 'does not open what it sealed' };
  const tampered = Buffer.from(sealed);
  tampered.writeUInt8(tampered.readUInt8(3) ^ 1, 3);
  const answer = attempt(() => open(tampered));
  token.destroy(key);
  const facts = { tampered: answer };
  if (answer === 'done') return { outcome: 'wrong', detail: 'opens what was tampered with', facts };
  return { outcome: 'ok', detail: `seals and opens 64 bytes; what was tampered with is refused (${answer})`, facts };
}

/** What wraps keys for another token: an AES key that can wrap and unwrap and nothing else. */
function wrap({ token }: Workbench): Observed {
  const { lib, session } = token;
  const wrapping = sessionAesKey(token, [pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP]);
  const inner = sessionAesKey(token, [pkcs11.CKA_ENCRYPT], true);
  const wrapped = Object.entries({ CKM_AES_KEY_WRAP_PAD: 0x210a, CKM_AES_KEY_WRAP: 0x2109 }).map(
    ([name, mechanism]): [string, string] => [
      name,
      attempt(() => lib.C_WrapKey(session, { mechanism }, wrapping, inner, Buffer.alloc(4096))),
    ],
  );
  const decrypt = attempt(() => {
    lib.C_DecryptInit(session, { mechanism: pkcs11.CKM_AES_CBC, parameter: Buffer.alloc(16) }, wrapping);
  });
  token.destroy(wrapping, inner);
  const facts = { ...Object.fromEntries(wrapped), 'decrypt with the wrapping key': decrypt };
  if (decrypt === 'done') return { outcome: 'wrong', detail: 'a key that may only wrap also decrypts', facts };
  const works = wrapped.filter(([, answer]) => answer === 'done').map(([name]) => name);
  if (works.length === 0)
    return { outcome: 'missing', detail: 'no AES key wrap: keys cannot be backed up wrapped', facts };
  return { outcome: 'ok', detail: `${works.join(' and ')}; a wrapping key does nothing else`, facts };
}

/** An AES-256 session key that is good for the given uses only. */
function sessionAesKey(token: ProbedToken, uses: readonly number[], extractable = false): Handle {
  const all = [pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT, pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP];
  return token.lib.C_GenerateKey(token.session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
    attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
    attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
    attribute(pkcs11.CKA_VALUE_LEN, 32),
    attribute(pkcs11.CKA_TOKEN, false),
    attribute(pkcs11.CKA_LABEL, PROBE_LABEL),
    attribute(pkcs11.CKA_SENSITIVE, true),
    attribute(pkcs11.CKA_EXTRACTABLE, extractable),
    ...all.map((use) => attribute(use, uses.includes(use))),
  ]);
}
