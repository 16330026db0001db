import { randomBytes } from 'node:crypto';
import { orThrow } from '@bulkhead/intent';
import pkcs11 from 'pkcs11js';
import { wrappingProof } from '../backup/wrapping-secret.js';
import { attribute } from '../host/key-template.js';
import { WRAPPING_SECRET_BYTES } from '../host/protocol.js';
import { TokenBackup } from '../host/token-backup.js';
import { TokenKeys } from '../host/token-keys.js';
import { TokenSeal } from '../host/token-seal.js';
import { WrappingKeys } from '../host/wrapping-keys.js';
import { type Pkcs11Profile } from '../profile.js';
import { type Check, type Observed, profileOf, type Workbench } from './check.js';
import { mechanismName } from './mechanism-names.js';
import { attempt, PROBE_LABEL } from './probed-token.js';

const SEARCHES = 5;

/** Wrapped backups are only needed where the profile has them. */
export const objectChecks = (profile: Pkcs11Profile | undefined): readonly Check[] => [
  { name: 'object.data', needed: true, run: keepData },
  { name: 'object.search', needed: false, run: searchCost },
  { name: 'seal.aes-gcm', needed: false, run: seal },
  { name: 'key.backup', needed: profile?.keyBackup === 'wrapped', run: backUp },
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

/** What seals shares of an MPC group, with the code that seals them: AES-256-GCM by a key that stays in the token. */
function seal({ token }: Workbench): Observed {
  const sealing = new TokenSeal(token.access);
  const [aad, secret] = [Buffer.from('context'), randomBytes(64)];
  orThrow(sealing.generate(PROBE_LABEL));
  const sealed = orThrow(sealing.seal(PROBE_LABEL, aad, secret));
  if (!secret.equals(orThrow(sealing.unseal(PROBE_LABEL, aad, sealed))))
    return { outcome: 'wrong', detail: 'does not open what it sealed' };
  const tampered = Buffer.from(sealed);
  tampered.writeUInt8(tampered.readUInt8(15) ^ 1, 15);
  const isOpened = [sealing.unseal(PROBE_LABEL, aad, tampered), sealing.unseal(PROBE_LABEL, secret, sealed)].some(
    ({ ok }) => ok,
  );
  sealing.destroy(PROBE_LABEL);
  orThrow(sealing.requireGone(PROBE_LABEL));
  if (isOpened) return { outcome: 'wrong', detail: 'opens what was tampered with, or sealed for something else' };
  return { outcome: 'ok', detail: 'seals and opens 64 bytes; what was tampered with is refused' };
}

/**
 * All that a profile with `"keyBackup": "wrapped"` asks of a token, with the code that does it: a wrapping key is put
 * in, a quorum key made, wrapped, destroyed, taken back and proven.
 */
function backUp(bench: Workbench): Observed {
  const { lib, session, access } = bench.token;
  const profile = { ...profileOf(bench), keyBackup: 'wrapped' as const };
  const [keys, wrappingKeys] = [new TokenKeys(access, profile), new WrappingKeys(access)];
  const backup = new TokenBackup(access, profile, keys, wrappingKeys);
  const secret = randomBytes(WRAPPING_SECRET_BYTES);
  orThrow(wrappingKeys.install(PROBE_LABEL, secret, wrappingProof(secret)));
  const { publicKey } = orThrow(keys.generate(PROBE_LABEL)).thing;
  const wrapped = orThrow(backup.wrap(PROBE_LABEL, PROBE_LABEL));
  orThrow(keys.destroy(PROBE_LABEL, publicKey));
  orThrow(backup.unwrap(wrapped));
  const { wrap } = orThrow(wrappingKeys.load(PROBE_LABEL));
  const decrypt = attempt(() => {
    lib.C_DecryptInit(session, { mechanism: pkcs11.CKM_AES_CBC, parameter: Buffer.alloc(16) }, wrap);
  });
  const mechanism = mechanismName(wrappingKeys.mechanism().mechanism);
  const facts = { mechanism, 'decrypt with the wrapping key': decrypt };
  orThrow(keys.destroy(PROBE_LABEL, publicKey));
  wrappingKeys.discard(PROBE_LABEL);
  if (decrypt === 'done') return { outcome: 'wrong', detail: 'a key that may only wrap also decrypts', facts };
  return { outcome: 'ok', detail: 'wraps a key and takes it back: keyBackup may be "wrapped"', facts };
}
