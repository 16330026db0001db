import { createHash, randomBytes } from 'node:crypto';
import { accepted, refused, type Result } from '@bulkhead/intent';
import pkcs11 from 'pkcs11js';
import { type Flags, UNMODIFIABLE, wrongFlags } from './flags.js';
import { foundThere, type Made, newlyMade } from './made.js';
import { attribute } from './key-template.js';
import { type KeptSealed, keptSealedSchema } from './protocol.js';
import { type TokenAccess } from './token-access.js';

const IV_BYTES = 12;
const TAG_BITS = 128;
const KEY_BYTES = 32;
const MOST_OVERHEAD = 64;
const APPLICATION = 'bulkhead-sealed';
const FIND_AT_ONCE = 100;

/** How a sealing key is asked for: for nothing but sealing. */
const SEALING_KEY: Flags = [
  ['sensitive', pkcs11.CKA_SENSITIVE, true],
  ['extractable', pkcs11.CKA_EXTRACTABLE, false],
  ['encrypt', pkcs11.CKA_ENCRYPT, true],
  ['decrypt', pkcs11.CKA_DECRYPT, true],
  ['wrap', pkcs11.CKA_WRAP, false],
  ['unwrap', pkcs11.CKA_UNWRAP, false],
  ['sign', pkcs11.CKA_SIGN, false],
  ['verify', pkcs11.CKA_VERIFY, false],
  ['derive', pkcs11.CKA_DERIVE, false],
  UNMODIFIABLE,
];

/** What the token must say about a sealing key: it was made there, stays there, and wraps nothing. */
const REQUIRED: Flags = [
  ['sensitive', pkcs11.CKA_SENSITIVE, true],
  ['extractable', pkcs11.CKA_EXTRACTABLE, false],
  ['alwaysSensitive', pkcs11.CKA_ALWAYS_SENSITIVE, true],
  ['neverExtractable', pkcs11.CKA_NEVER_EXTRACTABLE, true],
  ['local', pkcs11.CKA_LOCAL, true],
  ['wrap', pkcs11.CKA_WRAP, false],
  ['unwrap', pkcs11.CKA_UNWRAP, false],
];

/**
 * Secrets that are kept outside of the token, encrypted by an AES-256 key that never leaves it (CKM_AES_GCM, PKCS#11
 * v2.40 section 2.12.2). What is sealed is `iv (12) || ciphertext || tag (16)`. Destroying the key destroys every
 * copy of what it sealed, the ones in backups too.
 *
 * PKCS#11 errors are thrown as they come, but for a ciphertext that is not by this key and for this `aad`.
 */
export class TokenSeal {
  private readonly loaded = new Map<string, Buffer>();

  constructor(private readonly session: TokenAccess) {}

  /** Makes the key in the token, or finds the one of that name. */
  generate(keyId: string): Result<Made<null>> {
    const found = this.find(keyId);
    if (found.length > 0) return foundThere(this.usable(keyId, found));
    const made = this.generateKey(keyId);
    const wrong = wrongFlags(this.session, made, SEALING_KEY);
    if (wrong.length === 0) return newlyMade(this.usable(keyId, [made]));
    this.session.lib.C_DestroyObject(this.session.handle, made);
    return notToBeUsed(keyId, wrong);
  }

  private generateKey(keyId: string): Buffer {
    return this.session.lib.C_GenerateKey(this.session.handle, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
      { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_AES },
      { type: pkcs11.CKA_VALUE_LEN, value: KEY_BYTES },
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_PRIVATE, value: true },
      ...SEALING_KEY.map(([, type, wanted]) => attribute(type, wanted)),
      { type: pkcs11.CKA_ID, value: sealId(keyId) },
      { type: pkcs11.CKA_LABEL, value: keyId },
    ]);
  }

  private usable(keyId: string, found: readonly Buffer[]): Result<null> {
    const key = this.check(keyId, found);
    return key.ok ? accepted(null) : key;
  }

  /** Has the key seal something and open it again. */
  prove(keyId: string): Result<null> {
    const secret = randomBytes(KEY_BYTES);
    const sealed = this.seal(keyId, secret, secret);
    const opened = sealed.ok ? this.unseal(keyId, secret, sealed.value) : sealed;
    if (!opened.ok) return opened;
    return secret.equals(opened.value) ? accepted(null) : refused('keys.seal-broken', 'What came out did not go in.');
  }

  /** For a key that nothing was sealed with yet. */
  discard(keyId: string): void {
    this.destroy(keyId);
  }

  seal(keyId: string, aad: Uint8Array, secret: Uint8Array): Result<Uint8Array> {
    const key = this.load(keyId);
    if (!key.ok) return key;
    const { lib, handle } = this.session;
    const iv = randomBytes(IV_BYTES);
    lib.C_EncryptInit(handle, mechanism(iv, aad), key.value);
    const sealed = lib.C_Encrypt(handle, Buffer.from(secret), Buffer.alloc(secret.length + MOST_OVERHEAD));
    return accepted(Uint8Array.from(Buffer.concat([iv, sealed])));
  }

  /** `keys.seal-broken` for whatever was not sealed by this key for this `aad`, to the bit. */
  unseal(keyId: string, aad: Uint8Array, sealed: Uint8Array): Result<Uint8Array> {
    const key = this.load(keyId);
    if (!key.ok) return key;
    const broken = () => refused('keys.seal-broken', `The token did not seal this with ${keyId}.`, { keyId });
    if (sealed.length < IV_BYTES + TAG_BITS / 8) return broken();
    const { lib, handle } = this.session;
    lib.C_DecryptInit(handle, mechanism(Buffer.from(sealed.subarray(0, IV_BYTES)), aad), key.value);
    const ciphertext = Buffer.from(sealed.subarray(IV_BYTES));
    try {
      return accepted(Uint8Array.from(lib.C_Decrypt(handle, ciphertext, Buffer.alloc(sealed.length + MOST_OVERHEAD))));
    } catch {
      return broken(); // modules name it differently; the operation has ended with it (section 5.9, C_Decrypt)
    }
  }

  /**
   * Puts what a key has sealed beside it into the token (a private CKO_DATA object), so that whoever has the token has
   * both. It goes when the key goes.
   */
  keep(keyId: string, bytes: Uint8Array): Result<null> {
    const key = this.load(keyId);
    if (!key.ok) return key;
    const value = Buffer.from(bytes);
    this.session.lib.C_CreateObject(this.session.handle, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_DATA },
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_PRIVATE, value: true },
      { type: pkcs11.CKA_MODIFIABLE, value: false },
      { type: pkcs11.CKA_APPLICATION, value: APPLICATION },
      { type: pkcs11.CKA_LABEL, value: keyId },
      { type: pkcs11.CKA_VALUE, value },
    ]);
    return accepted(null);
  }

  /** Whether the key is there, and beside it what it has sealed. */
  requireKept(keyId: string, bytes: Uint8Array): Result<null> {
    const key = this.load(keyId);
    if (!key.ok) return key;
    return this.kept(keyId).some((each) => Buffer.from(bytes).equals(each.bytes))
      ? accepted(null)
      : refused('keys.not-kept', `The token did not keep what ${keyId} has sealed: its disk may be full.`, { keyId });
  }

  /** All that is kept, or what belongs to one key. */
  kept(keyId?: string): KeptSealed[] {
    return this.findKept(keyId).map((object) => {
      const [label, value] = this.session.lib.C_GetAttributeValue(this.session.handle, object, [
        { type: pkcs11.CKA_LABEL },
        { type: pkcs11.CKA_VALUE },
      ]);
      return keptSealedSchema.parse({ keyId: String(label?.value), bytes: Uint8Array.from(value?.value ?? []) });
    });
  }

  /** Destroys a key for good, and with it all that it sealed. */
  destroy(keyId: string): void {
    this.loaded.delete(keyId);
    for (const object of this.findKept(keyId)) this.session.lib.C_DestroyObject(this.session.handle, object);
    for (const object of this.find(keyId)) this.session.lib.C_DestroyObject(this.session.handle, object);
  }

  /** Whether neither the key nor what it sealed is there. */
  requireGone(keyId: string): Result<null> {
    const left = this.find(keyId).length + this.findKept(keyId).length;
    return left === 0
      ? accepted(null)
      : refused('keys.not-destroyed', `The token still has the sealing key ${keyId} or what it sealed.`, {
          keyId,
          objects: String(left),
        });
  }

  private load(keyId: string): Result<Buffer> {
    const known = this.loaded.get(keyId);
    if (known !== undefined) return accepted(known);
    return this.check(keyId, this.find(keyId));
  }

  /** The one key that was found, when it is as it must be. */
  private check(keyId: string, [handle, second]: readonly Buffer[]): Result<Buffer> {
    if (handle === undefined) return refused('keys.not-found', `The token has no sealing key ${keyId}.`, { keyId });
    const wrong = wrongFlags(this.session, handle, REQUIRED);
    if (second !== undefined) wrong.push('more than one');
    if (wrong.length > 0) return notToBeUsed(keyId, wrong);
    this.loaded.set(keyId, handle);
    return accepted(handle);
  }

  private findKept(keyId?: string): Buffer[] {
    const { lib, handle } = this.session;
    lib.C_FindObjectsInit(handle, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_DATA },
      { type: pkcs11.CKA_APPLICATION, value: APPLICATION },
      ...(keyId === undefined ? [] : [{ type: pkcs11.CKA_LABEL, value: keyId }]),
    ]);
    const found: Buffer[] = [];
    for (let more = lib.C_FindObjects(handle, FIND_AT_ONCE); more.length > 0;) {
      found.push(...more);
      more = lib.C_FindObjects(handle, FIND_AT_ONCE);
    }
    lib.C_FindObjectsFinal(handle);
    return found;
  }

  private find(keyId: string): Buffer[] {
    const { lib, handle } = this.session;
    lib.C_FindObjectsInit(handle, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
      { type: pkcs11.CKA_ID, value: sealId(keyId) },
    ]);
    const found = lib.C_FindObjects(handle, 2);
    lib.C_FindObjectsFinal(handle);
    return found;
  }
}

const notToBeUsed = (keyId: string, wrong: readonly string[]): Result<never> =>
  refused('keys.attributes-wrong', `The sealing key ${keyId} is not one that stays in the token and only seals.`, {
    keyId,
    wrong: wrong.join(', '),
  });

const mechanism = (iv: Buffer, aad: Uint8Array) => ({
  mechanism: pkcs11.CKM_AES_GCM,
  parameter: {
    type: pkcs11.CK_PARAMS_AES_GCM_v240,
    iv,
    ivBits: IV_BYTES * 8,
    aad: Buffer.from(aad),
    tagBits: TAG_BITS,
  },
});

/** Apart from the ids of signing keys, which are hashes of the bare name. */
const sealId = (keyId: string): Buffer => createHash('sha256').update(`seal:${keyId}`, 'utf8').digest().subarray(0, 20);
