import { createHash, randomBytes } from 'node:crypto';
import { accepted, refused, type Result } from '@bulkhead/intent';
import pkcs11, { type KeyPair } from 'pkcs11js';
import * as secp256k1 from 'tiny-secp256k1';
import { type Pkcs11Profile } from '../profile.js';
import { DIGEST_BYTES, SIGNATURE_BYTES, normaliseLowS, verifyLowS } from '../signature.js';
import { decodeEcPoint } from './ec-point.js';
import { type KeyBackup, wrongAttributes } from './key-attributes.js';
import { findKey, findPrivateKeys, type KeyHandles } from './key-search.js';
import { custodyKeyTemplates } from './key-template.js';
import { foundThere, type Made, newlyMade } from './made.js';
import { type KeyRecord } from './protocol.js';
import { readAttributes, wrongWithNewKey } from './read-attributes.js';
import { readValue, type TokenAccess } from './token-access.js';

export interface LoadedKey {
  readonly handle: Buffer;
  readonly record: KeyRecord;
}

/**
 * The keys of one token, in one session with its user logged in. Every call is synchronous: the binding's asynchronous
 * C_Sign keeps no hold of its input, which may then be other memory by the time it is signed.
 *
 * PKCS#11 errors are thrown as they come: the session is not to be trusted after one.
 */
export class TokenKeys {
  /** Keys that were read and found to be as they must be. */
  private readonly loaded = new Map<string, LoadedKey>();
  private readonly backup: KeyBackup;

  constructor(
    private readonly session: TokenAccess,
    private readonly profile: Pkcs11Profile,
  ) {
    this.backup = profile.keyBackup ?? 'none';
  }

  /**
   * Makes the key in the token, or takes the one of that name, and has it sign a random digest: coins sent to a key that
   * cannot sign are lost. A new key that is not as it must be is destroyed: this pair, and not one of the same name that
   * another process may have made meanwhile.
   */
  generate(keyId: string): Result<Made<KeyRecord>> {
    const found = this.find(keyId);
    if (found.private.length > 0) return foundThere(this.prove(keyId));
    this.destroyObjects(keyId, found.public); // half of a key, of a run that was cut short
    const { privateKey, publicKey } = this.generatePair(keyId);
    const proof = this.proveNew(keyId, privateKey, publicKey);
    if (!proof.ok) this.destroyObjects(keyId, [privateKey, publicKey]);
    return newlyMade(proof);
  }

  exists(keyId: string): boolean {
    return this.find(keyId).private.length > 0;
  }

  /** The key, once it has signed a random digest rightly. */
  prove(keyId: string): Result<KeyRecord> {
    return this.proven(this.load(keyId));
  }

  /** Likewise of a pair that was made just now. */
  proveNew(keyId: string, privateKey: Buffer, publicKey: Buffer): Result<KeyRecord> {
    const wrong = wrongWithNewKey(this.session, privateKey, this.backup);
    return this.proven(wrong.length > 0 ? notToBeUsed(keyId, wrong) : this.read(keyId, privateKey, publicKey));
  }

  private proven(key: Result<LoadedKey>): Result<KeyRecord> {
    if (!key.ok) return key;
    const { handle, record } = key.value;
    const { keyId, publicKey } = record;
    if (this.signsAs(handle, publicKey)) return accepted(record);
    return refused('keys.signature-invalid', `The key ${keyId} does not sign as its public key says.`, { keyId });
  }

  record(keyId: string): Result<KeyRecord> {
    const key = this.load(keyId);
    return key.ok ? accepted(key.value.record) : key;
  }

  /** Whether a private key signs a random digest as that public key's. Other signatures are made in threads. */
  private signsAs(privateKey: Buffer, publicKey: string): boolean {
    const { lib, handle } = this.session;
    const digest = randomBytes(DIGEST_BYTES);
    lib.C_SignInit(handle, { mechanism: mechanismNumber(this.profile.mechanisms.sign) }, privateKey);
    const signature = normaliseLowS(lib.C_Sign(handle, digest, Buffer.alloc(SIGNATURE_BYTES)));
    return signature !== undefined && verifyLowS(digest, Buffer.from(publicKey, 'hex'), signature);
  }

  /** The names of all keys in the token. */
  list(): string[] {
    return findPrivateKeys(this.session).map((handle) => String(readValue(this.session, handle, pkcs11.CKA_LABEL)));
  }

  /** The private key's handle, once the key was found to be as it must be. */
  load(keyId: string): Result<LoadedKey> {
    const known = this.loaded.get(keyId);
    if (known !== undefined) return accepted(known);
    const found = this.find(keyId);
    const [handle] = found.private;
    const [publicHandle] = found.public;
    if (handle === undefined) return refused('keys.not-found', `The token has no key ${keyId}.`, { keyId });
    if (publicHandle === undefined || found.private.length > 1 || found.public.length > 1)
      return refused('keys.attributes-wrong', `The token must have one private and one public key ${keyId}.`, {
        keyId,
        privateKeys: String(found.private.length),
        publicKeys: String(found.public.length),
      });
    const key = this.read(keyId, handle, publicHandle);
    if (key.ok) this.loaded.set(keyId, key.value);
    return key;
  }

  /** The pair as the token describes it, when it may be used. */
  private read(keyId: string, handle: Buffer, publicHandle: Buffer): Result<LoadedKey> {
    const attributes = readAttributes(this.session, handle);
    const wrong = wrongAttributes(attributes, this.backup);
    const publicKey = this.compressedPoint(publicHandle);
    if (wrong.length > 0 || publicKey === undefined)
      return notToBeUsed(keyId, [...wrong, ...(publicKey === undefined ? ['publicKey'] : [])]);
    return accepted({ handle, record: { keyId, publicKey, attributes } });
  }

  /** Destroys the public key that a run which was cut short has left without its private one. */
  discardHalf(keyId: string): void {
    const found = this.find(keyId);
    if (found.private.length === 0) this.destroyObjects(keyId, found.public);
  }

  /** Destroys what the token has of a new key that is not to be used. What another process has made of that name stays. */
  discard(keyId: string, { publicKey }: KeyRecord): void {
    const found = this.find(keyId);
    const own = found.public.filter((handle) => this.compressedPoint(handle) === publicKey);
    const isAlone = own.length === found.public.length;
    const ownPrivate = isAlone ? found.private : found.private.filter((handle) => this.signsAs(handle, publicKey));
    this.destroyObjects(keyId, [...ownPrivate, ...own]);
  }

  destroyObjects(keyId: string, objects: readonly Buffer[]): void {
    this.loaded.delete(keyId);
    for (const object of objects) this.session.lib.C_DestroyObject(this.session.handle, object);
  }

  /**
   * Destroys the key of this name, if its public key is this one: the private half first, so that what a crash leaves
   * can still be told. One that is not there is destroyed already.
   */
  destroy(keyId: string, publicKey: string): Result<null> {
    const found = this.find(keyId);
    const points = found.public.map((handle) => this.compressedPoint(handle));
    if (points.some((point) => point !== publicKey) || (found.private.length > 0 && points.length === 0))
      return refused('keys.attributes-wrong', `The token's key ${keyId} is not the one that is to be destroyed.`, {
        keyId,
        publicKey,
        found: points.join(', '),
      });
    this.destroyObjects(keyId, [...found.private, ...found.public]);
    return accepted(null);
  }

  /** To be asked of a token that was opened since. */
  requireGone(keyId: string): Result<null> {
    const { private: privateKeys, public: publicKeys } = this.find(keyId);
    const left = privateKeys.length + publicKeys.length;
    return left === 0
      ? accepted(null)
      : refused('keys.not-destroyed', `The token still has the key ${keyId}.`, { keyId, objects: String(left) });
  }

  private find(keyId: string): KeyHandles {
    return findKey(this.session, ckaId(keyId));
  }

  private compressedPoint(handle: Buffer): string | undefined {
    const point = this.readPoint(handle);
    return point && Buffer.from(secp256k1.pointCompress(point, true)).toString('hex');
  }

  private generatePair(keyId: string): KeyPair {
    const templates = custodyKeyTemplates(
      Buffer.from(this.profile.curveOid, 'hex'),
      { token: true, id: ckaId(keyId), label: keyId },
      this.backup === 'wrapped',
    );
    const mechanism = { mechanism: mechanismNumber(this.profile.mechanisms.generateKeyPair) };
    return this.session.lib.C_GenerateKeyPair(this.session.handle, mechanism, templates.public, templates.private);
  }

  /** The public key's point when it is one of the profile's curve. */
  private readPoint(handle: Buffer): Uint8Array | undefined {
    const curve = readValue(this.session, handle, pkcs11.CKA_EC_PARAMS).toString('hex');
    if (curve !== this.profile.curveOid) return undefined;
    const point = decodeEcPoint(readValue(this.session, handle, pkcs11.CKA_EC_POINT), this.profile.ecPoint);
    return point !== undefined && secp256k1.isPoint(point) ? point : undefined;
  }
}

const notToBeUsed = (keyId: string, wrong: readonly string[]): Result<never> =>
  refused('keys.attributes-wrong', `The key ${keyId} may not be used: it is not as a custody key must be.`, {
    keyId,
    wrong: wrong.join(', '),
  });

/** What the module gave, made low-S; refused when it is no signature at all. */
export function lowS(keyId: string, signature: Uint8Array): Result<Uint8Array> {
  const normalised = normaliseLowS(signature);
  return normalised === undefined
    ? refused('keys.signature-invalid', `The token gave what is no signature for ${keyId}.`, { keyId })
    : accepted(normalised);
}

/** Of one length whatever the name, since modules limit CKA_ID differently. */
export const ckaId = (keyId: string): Buffer => createHash('sha256').update(keyId, 'utf8').digest().subarray(0, 20);

export function mechanismNumber(name: string): number {
  const value: unknown = Object.entries(pkcs11).find(([key]) => key === name)?.[1];
  if (typeof value !== 'number') throw new Error(`the binding knows no mechanism ${name}`);
  return value;
}
