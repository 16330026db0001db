import { timingSafeEqual } from 'node:crypto';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import pkcs11, { type Template } from 'pkcs11js';
import * as secp256k1 from 'tiny-secp256k1';
import { type Pkcs11Profile } from '../profile.js';
import { attribute, unmodifiable } from './key-template.js';
import { foundThere, type Made, newlyMade } from './made.js';
import { type KeyRecord, type WrappedKey } from './protocol.js';
import { ckaId, type TokenKeys } from './token-keys.js';
import { MAC_BYTES, MOST_WRAPPED_BYTES, tokenIdentity, type WrappingKeys } from './wrapping-keys.js';
import { type TokenAccess } from './token-access.js';

/**
 * Backup of keys from token to token: wrapped by an AES key that both hold and that can wrap and unwrap and nothing else.
 * What a key is unwrapped as is fixed here (sensitive, not extractable, signing only): no request can ask for less.
 */
export class TokenBackup {
  constructor(
    private readonly session: TokenAccess,
    private readonly profile: Pkcs11Profile,
    private readonly keys: TokenKeys,
    private readonly wrappingKeys: WrappingKeys,
  ) {}

  /** The key, wrapped and bound to what it is. One that may not leave the token is `keys.attributes-wrong`. */
  wrap(keyId: string, wrappingKey: string): Result<WrappedKey> {
    const pair = this.wrappingKeys.load(wrappingKey);
    if (!pair.ok) return pair;
    const key = this.keys.load(keyId);
    if (!key.ok) return key;
    const { handle, record } = key.value;
    if (!record.attributes.extractable)
      return refused('keys.attributes-wrong', `The key ${keyId} was made never to leave its token.`, { keyId });
    const { lib, handle: session } = this.session;
    const room = Buffer.alloc(MOST_WRAPPED_BYTES);
    const given = lib.C_WrapKey(session, this.wrappingKeys.mechanism(), pair.value.wrap, handle, room);
    const bound = { v: 1, record, wrappingKey, wrapped: given.toString('base64') } as const;
    return accepted({ ...bound, mac: this.wrappingKeys.bind(pair.value, boundBytes(bound)).toString('base64') });
  }

  /**
   * Takes a wrapped key into this token, once its record is found to be its own; it never leaves this token again. One
   * that is here already is found again; another of its name is `keys.attributes-wrong`.
   */
  unwrap(blob: WrappedKey): Result<Made<KeyRecord>> {
    const { record, wrappingKey } = blob;
    const pair = this.wrappingKeys.load(wrappingKey);
    if (!pair.ok) return pair;
    const given = Buffer.from(blob.mac, 'base64');
    const expected = this.wrappingKeys.bind(pair.value, boundBytes(blob));
    if (given.length !== MAC_BYTES || !timingSafeEqual(given, expected)) return broken(record.keyId);
    if (this.keys.exists(record.keyId)) return foundThere(this.foundAgain(record));
    this.keys.discardHalf(record.keyId);
    const { lib, handle: session } = this.session;
    const mechanism = this.wrappingKeys.mechanism();
    const wrapped = Buffer.from(blob.wrapped, 'base64');
    const publicKey = lib.C_CreateObject(session, this.publicTemplate(record));
    const privateKey = lib.C_UnwrapKey(session, mechanism, pair.value.wrap, wrapped, privateTemplate(record));
    const proof = this.keys.proveNew(record.keyId, privateKey, publicKey);
    if (proof.ok && proof.value.publicKey === record.publicKey) return newlyMade(proof);
    this.keys.destroyObjects(record.keyId, [privateKey, publicKey]);
    return proof.ok ? broken(record.keyId) : proof;
  }

  private foundAgain({ keyId, publicKey }: KeyRecord): Result<KeyRecord> {
    const proof = this.keys.prove(keyId);
    if (!proof.ok || proof.value.publicKey === publicKey) return proof;
    return refused('keys.attributes-wrong', `The token has another key ${keyId} already.`, {
      keyId,
      found: proof.value.publicKey,
      wanted: publicKey,
    });
  }

  private publicTemplate({ keyId, publicKey }: KeyRecord): Template {
    const point = Buffer.from(secp256k1.pointCompress(Buffer.from(publicKey, 'hex'), false));
    const form = this.profile.ecPoint === 'raw' ? point : Buffer.concat([Buffer.from([0x04, point.length]), point]);
    return [
      attribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
      attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
      ...tokenIdentity(ckaId(keyId), keyId),
      attribute(pkcs11.CKA_PRIVATE, false),
      attribute(pkcs11.CKA_VERIFY, true),
      attribute(pkcs11.CKA_EC_PARAMS, Buffer.from(this.profile.curveOid, 'hex')),
      attribute(pkcs11.CKA_EC_POINT, form),
      unmodifiable,
    ];
  }
}

/** What the HMAC is over. */
function boundBytes({ v, record, wrappingKey, wrapped }: Omit<WrappedKey, 'mac'>): Buffer {
  return Buffer.from(`bulkhead/wrapped-key\n${canonicalJson({ v, record, wrappingKey, wrapped })}`, 'utf8');
}

/** What every unwrapped key becomes: it signs, it cannot be read, it leaves no more. */
function privateTemplate({ keyId }: KeyRecord): Template {
  return [
    attribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY),
    attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
    ...tokenIdentity(ckaId(keyId), keyId),
    attribute(pkcs11.CKA_PRIVATE, true),
    attribute(pkcs11.CKA_SENSITIVE, true),
    attribute(pkcs11.CKA_EXTRACTABLE, false),
    attribute(pkcs11.CKA_SIGN, true),
    attribute(pkcs11.CKA_SIGN_RECOVER, false),
    attribute(pkcs11.CKA_DECRYPT, false),
    attribute(pkcs11.CKA_UNWRAP, false),
    attribute(pkcs11.CKA_DERIVE, false),
    unmodifiable,
  ];
}

const broken = (keyId: string): Result<never> =>
  refused('keys.seal-broken', `The wrapped key ${keyId} was changed, or is of another wrapping key.`, { keyId });
