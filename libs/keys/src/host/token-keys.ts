import { createHash, randomBytes } from 'node:crypto';
import { type IKeyPair, KeyType, ObjectClass, SessionObject, type Session } from 'graphene-pk11';
import { accepted, refused, type Result } from '@bulkhead/intent';
import pkcs11 from 'pkcs11js';
import * as secp256k1 from 'tiny-secp256k1';
import { type Pkcs11Profile } from '../profile.js';
import { DIGEST_BYTES, SIGNATURE_BYTES, normaliseLowS, verifyLowS } from '../signature.js';
import { decodeEcPoint } from './ec-point.js';
import { type KeyAttributes, type KeyRecord, keyAttributesSchema } from './protocol.js';

interface LoadedKey {
  readonly handle: Buffer;
  readonly record: KeyRecord;
}

/** What the token must say about a key before a coin is sent to it. */
const REQUIRED_ATTRIBUTES: KeyAttributes = {
  sensitive: true,
  extractable: false,
  alwaysSensitive: true,
  neverExtractable: true,
  local: true,
  sign: true,
  signRecover: false,
  decrypt: false,
  unwrap: false,
  derive: false,
};

const FIND_AT_ONCE = 1000;

/**
 * The keys of one token, in one session with its user logged in. Every call is synchronous: the binding's asynchronous
 * C_Sign keeps no hold of its input, which may then be other memory by the time it is signed.
 *
 * PKCS#11 errors are thrown as they come: the session is not to be trusted after one.
 */
export class TokenKeys {
  /** Finding an object takes time in proportion to all there are, so a key is found and checked once. */
  private readonly loaded = new Map<string, LoadedKey>();

  private readonly mechanisms: { readonly generateKeyPair: number; readonly sign: number };

  constructor(
    private readonly session: Session,
    private readonly profile: Pkcs11Profile,
  ) {
    this.mechanisms = {
      generateKeyPair: mechanismNumber(profile.mechanisms.generateKeyPair),
      sign: mechanismNumber(profile.mechanisms.sign),
    };
  }

  /**
   * Makes the key in the token, or takes the one of that name, and has it sign a random digest: coins sent to a key that
   * cannot sign are lost. A new key that is not as it must be is destroyed.
   */
  generate(keyId: string): Result<KeyRecord> {
    const isNew = this.find(ObjectClass.PRIVATE_KEY, ckaId(keyId)).length === 0;
    const pair = isNew ? this.generatePair(keyId) : undefined;
    const key = this.record(keyId);
    const proof = key.ok ? this.sign(keyId, randomBytes(DIGEST_BYTES)) : key;
    if (proof.ok) return key;
    this.loaded.delete(keyId);
    pair?.privateKey.destroy();
    pair?.publicKey.destroy();
    return proof;
  }

  record(keyId: string): Result<KeyRecord> {
    const key = this.load(keyId);
    return key.ok ? accepted(key.value.record) : key;
  }

  /** A low-S signature (64 bytes) of the digest (32 bytes), checked against both digest and public key. */
  sign(keyId: string, digest: Uint8Array): Result<Uint8Array> {
    const key = this.load(keyId);
    if (!key.ok) return key;
    const { lib, handle } = this.session;
    lib.C_SignInit(handle, { mechanism: this.mechanisms.sign }, key.value.handle);
    const signature = normaliseLowS(lib.C_Sign(handle, Buffer.from(digest), Buffer.alloc(SIGNATURE_BYTES)));
    const publicKey = Buffer.from(key.value.record.publicKey, 'hex');
    if (signature !== undefined && verifyLowS(digest, publicKey, signature)) return accepted(signature);
    return refused('keys.signature-invalid', `The token gave a signature that is not of key ${keyId} and the digest.`, {
      keyId,
    });
  }

  /** The names of all keys in the token. */
  list(): string[] {
    return this.find(ObjectClass.PRIVATE_KEY).map((handle) =>
      String(new SessionObject(handle, this.session, this.session.lib).getAttribute('label')),
    );
  }

  private generatePair(keyId: string): IKeyPair {
    const identity = { token: true, keyType: KeyType.EC, id: ckaId(keyId), label: keyId };
    return this.session.generateKeyPair(
      this.mechanisms.generateKeyPair,
      { ...identity, private: false, verify: true, paramsEC: Buffer.from(this.profile.curveOid, 'hex') },
      {
        ...identity,
        sensitive: true,
        extractable: false,
        sign: true,
        signRecover: false,
        decrypt: false,
        unwrap: false,
        derive: false,
      },
    );
  }

  private load(keyId: string): Result<LoadedKey> {
    const known = this.loaded.get(keyId);
    if (known !== undefined) return accepted(known);
    const handles = this.find(ObjectClass.PRIVATE_KEY, ckaId(keyId));
    const publicHandles = this.find(ObjectClass.PUBLIC_KEY, ckaId(keyId));
    const [handle] = handles;
    const [publicHandle] = publicHandles;
    if (handle === undefined) return refused('keys.not-found', `The token has no key ${keyId}.`, { keyId });
    if (publicHandle === undefined || handles.length > 1 || publicHandles.length > 1)
      return refused('keys.attributes-wrong', `The token must have one private and one public key ${keyId}.`, {
        keyId,
        privateKeys: String(handles.length),
        publicKeys: String(publicHandles.length),
      });
    const attributes = this.readAttributes(handle);
    const wrong = wrongAttributes(attributes);
    const point = this.readPoint(publicHandle);
    if (wrong.length > 0 || point === undefined)
      return refused('keys.attributes-wrong', `The key ${keyId} may not be used: it is not as a custody key must be.`, {
        keyId,
        wrong: [...wrong, ...(point === undefined ? ['publicKey'] : [])].join(', '),
      });
    const publicKey = Buffer.from(secp256k1.pointCompress(point, true)).toString('hex');
    const key: LoadedKey = { handle, record: { keyId, publicKey, attributes } };
    this.loaded.set(keyId, key);
    return accepted(key);
  }

  /** Not graphene's `session.find`, which asks for one handle per call. */
  private find(objectClass: ObjectClass, id?: Buffer): Buffer[] {
    const { lib, handle } = this.session;
    const template = [
      { type: pkcs11.CKA_CLASS, value: objectClass as number },
      { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_EC },
    ];
    lib.C_FindObjectsInit(handle, id === undefined ? template : [...template, { type: pkcs11.CKA_ID, value: id }]);
    const found: Buffer[] = [];
    let some: Buffer[];
    do {
      some = lib.C_FindObjects(handle, FIND_AT_ONCE);
      found.push(...some);
    } while (some.length === FIND_AT_ONCE);
    lib.C_FindObjectsFinal(handle);
    return found;
  }

  private readAttributes(handle: Buffer): KeyAttributes {
    const names = Object.fromEntries(Object.keys(REQUIRED_ATTRIBUTES).map((name) => [name, null]));
    return keyAttributesSchema.parse(new SessionObject(handle, this.session, this.session.lib).getAttribute(names));
  }

  /** The public key's point when it is one of the profile's curve. */
  private readPoint(handle: Buffer): Uint8Array | undefined {
    const object = new SessionObject(handle, this.session, this.session.lib);
    // By number: by name, graphene answers CKA_EC_PARAMS under its older name, which has the same number.
    if (object.getAttribute(pkcs11.CKA_EC_PARAMS).toString('hex') !== this.profile.curveOid) return undefined;
    const point = decodeEcPoint(object.getAttribute(pkcs11.CKA_EC_POINT), this.profile.ecPoint);
    return point !== undefined && secp256k1.isPoint(point) ? point : undefined;
  }
}

/** The names of the attributes that are not as {@link REQUIRED_ATTRIBUTES} has them. */
function wrongAttributes(attributes: KeyAttributes): string[] {
  return Object.entries(REQUIRED_ATTRIBUTES)
    .filter(([name, required]) => attributes[name as keyof KeyAttributes] !== required)
    .map(([name]) => name);
}

/** Of one length whatever the name, since modules limit CKA_ID differently. */
const ckaId = (keyId: string): Buffer => createHash('sha256').update(keyId, 'utf8').digest().subarray(0, 20);

function mechanismNumber(name: string): number {
  const value: unknown = Object.entries(pkcs11).find(([key]) => key === name)?.[1];
  if (typeof value !== 'number') throw new Error(`the binding knows no mechanism ${name}`);
  return value;
}
