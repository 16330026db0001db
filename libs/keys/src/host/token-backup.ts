import { hkdfSync, timingSafeEqual } from 'node:crypto';
import { type Session } from 'graphene-pk11';
import { accepted, canonicalJson, refused, type Result } from '@bulkhead/intent';
import pkcs11, { type Handle, type Template } from 'pkcs11js';
import * as secp256k1 from 'tiny-secp256k1';
import { type Pkcs11Profile } from '../profile.js';
import { attribute } from './key-template.js';
import { type KeyRecord, type WrappedKey } from './protocol.js';
import { ckaId, type TokenKeys } from './token-keys.js';

/** RFC 5649; PKCS#11 v2.40 section 2.14 gives it this number, and some modules only the other name. */
const CKM_AES_KEY_WRAP_PAD = 0x210a;
const CKM_AES_KEY_WRAP = 0x2109;
const KEY_BYTES = 32;
const MOST_WRAPPED_BYTES = 4_096;
const MAC_BYTES = 32;

/** A wrapping key does nothing else: one that could decrypt would give every wrapped key away in clear. */
const WRAPPING_KEY: readonly (readonly [string, number, boolean])[] = [
  ['sensitive', pkcs11.CKA_SENSITIVE, true],
  ['extractable', pkcs11.CKA_EXTRACTABLE, false],
  ['wrap', pkcs11.CKA_WRAP, true],
  ['unwrap', pkcs11.CKA_UNWRAP, true],
  ['encrypt', pkcs11.CKA_ENCRYPT, false],
  ['decrypt', pkcs11.CKA_DECRYPT, false],
];
const MAC_KEY: readonly (readonly [string, number, boolean])[] = [
  ['sensitive', pkcs11.CKA_SENSITIVE, true],
  ['extractable', pkcs11.CKA_EXTRACTABLE, false],
  ['sign', pkcs11.CKA_SIGN, true],
];

/**
 * Backup of keys from token to token: wrapped by an AES key that both hold and that can wrap and unwrap and nothing else.
 * What a key is unwrapped as is fixed here (sensitive, not extractable, signing only): no request can ask for less.
 */
export class TokenBackup {
  constructor(
    private readonly session: Session,
    private readonly profile: Pkcs11Profile,
    private readonly keys: TokenKeys,
  ) {}

  /**
   * Puts a wrapping key into the token, made of a secret of 32 bytes that custodians have put together (HKDF-SHA-256: one
   * key to wrap, one to bind records). The caller wipes the secret.
   */
  install(wrappingKey: string, secret: Uint8Array): Result<null> {
    if (this.find(wrapId(wrappingKey)).length > 0)
      return refused('keys.attributes-wrong', `The token has a wrapping key ${wrappingKey} already.`, { wrappingKey });
    const [wrap, mac] = ['wrap', 'bind'].map((use) =>
      Buffer.from(hkdfSync('sha256', secret, '', `bulkhead/backup/${use}`, KEY_BYTES)),
    );
    this.create(pkcs11.CKK_AES, wrapId(wrappingKey), wrappingKey, wrap, WRAPPING_KEY);
    this.create(pkcs11.CKK_GENERIC_SECRET, macId(wrappingKey), wrappingKey, mac, MAC_KEY);
    return accepted(null);
  }

  /** The key, wrapped and bound to what it is. One that may not leave the token is `keys.attributes-wrong`. */
  wrap(keyId: string, wrappingKey: string): Result<WrappedKey> {
    const pair = this.load(wrappingKey);
    if (!pair.ok) return pair;
    const key = this.keys.load(keyId);
    if (!key.ok) return key;
    const { handle, record } = key.value;
    if (!record.attributes.extractable)
      return refused('keys.attributes-wrong', `The key ${keyId} was made never to leave its token.`, { keyId });
    const { lib, handle: session } = this.session;
    const mechanism = { mechanism: this.wrapMechanism() };
    const room = Buffer.alloc(MOST_WRAPPED_BYTES);
    const wrapped = lib.C_WrapKey(session, mechanism, pair.value.wrap, handle, room).toString('base64');
    const bound = { v: 1, record, wrappingKey, wrapped } as const;
    return accepted({ ...bound, mac: this.mac(pair.value.mac, boundBytes(bound)).toString('base64') });
  }

  /** Takes a wrapped key into this token, once its record is found to be its own; it never leaves this token again. */
  unwrap(blob: WrappedKey): Result<KeyRecord> {
    const { record, wrappingKey } = blob;
    const pair = this.load(wrappingKey);
    if (!pair.ok) return pair;
    const given = Buffer.from(blob.mac, 'base64');
    const expected = this.mac(pair.value.mac, boundBytes(blob));
    if (given.length !== MAC_BYTES || !timingSafeEqual(given, expected)) return broken(record.keyId);
    if (this.keys.exists(record.keyId))
      return refused('keys.attributes-wrong', `The token has a key ${record.keyId} already.`, { keyId: record.keyId });
    const { lib, handle: session } = this.session;
    const mechanism = { mechanism: this.wrapMechanism() };
    lib.C_UnwrapKey(session, mechanism, pair.value.wrap, Buffer.from(blob.wrapped, 'base64'), privateTemplate(record));
    lib.C_CreateObject(session, this.publicTemplate(record));
    const proof = this.keys.prove(record.keyId);
    if (proof.ok && proof.value.publicKey === record.publicKey) return proof;
    this.keys.discard(record.keyId);
    return proof.ok ? broken(record.keyId) : proof;
  }

  private publicTemplate({ keyId, publicKey }: KeyRecord): Template {
    const point = Buffer.from(secp256k1.pointCompress(Buffer.from(publicKey, 'hex'), false));
    const form = this.profile.ecPoint === 'raw' ? point : Buffer.concat([Buffer.from([0x04, point.length]), point]);
    return [
      attribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
      attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
      ...identity(ckaId(keyId), keyId),
      attribute(pkcs11.CKA_PRIVATE, false),
      attribute(pkcs11.CKA_VERIFY, true),
      attribute(pkcs11.CKA_EC_PARAMS, Buffer.from(this.profile.curveOid, 'hex')),
      attribute(pkcs11.CKA_EC_POINT, form),
    ];
  }

  /** Both keys of that name, if each is good for its one purpose only. */
  private load(wrappingKey: string): Result<{ readonly wrap: Handle; readonly mac: Handle }> {
    const [wrap, second] = this.find(wrapId(wrappingKey));
    const [mac] = this.find(macId(wrappingKey));
    if (wrap === undefined || mac === undefined)
      return refused('keys.not-found', `The token has no wrapping key ${wrappingKey}.`, { wrappingKey });
    const wrong = [...this.wrong(wrap, WRAPPING_KEY), ...this.wrong(mac, MAC_KEY)];
    if (second !== undefined) wrong.push('more than one');
    if (wrong.length === 0) return accepted({ wrap, mac });
    return refused('keys.attributes-wrong', `The wrapping key ${wrappingKey} may not be used: it must only wrap.`, {
      wrappingKey,
      wrong: wrong.join(', '),
    });
  }

  private wrong(key: Handle, wanted: typeof WRAPPING_KEY): string[] {
    const { lib, handle } = this.session;
    const read = lib.C_GetAttributeValue(
      handle,
      key,
      wanted.map(([, type]) => ({ type })),
    );
    return wanted.filter(([, , value], place) => (read[place]?.value[0] === 1) !== value).map(([name]) => name);
  }

  private create(
    keyType: number,
    id: Buffer,
    label: string,
    value: Buffer | undefined,
    uses: typeof WRAPPING_KEY,
  ): void {
    if (value === undefined) throw new Error('a key has a value');
    this.session.lib.C_CreateObject(this.session.handle, [
      attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
      attribute(pkcs11.CKA_KEY_TYPE, keyType),
      ...identity(id, label),
      attribute(pkcs11.CKA_PRIVATE, true),
      attribute(pkcs11.CKA_VALUE, value),
      ...uses.map(([, type, wanted]) => attribute(type, wanted)),
    ]);
    value.fill(0);
  }

  private mac(key: Handle, bytes: Buffer): Buffer {
    const { lib, handle } = this.session;
    lib.C_SignInit(handle, { mechanism: pkcs11.CKM_SHA256_HMAC }, key);
    return lib.C_Sign(handle, bytes, Buffer.alloc(MAC_BYTES));
  }

  private find(id: Buffer): Handle[] {
    const { lib, handle } = this.session;
    lib.C_FindObjectsInit(handle, [attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attribute(pkcs11.CKA_ID, id)]);
    const found = lib.C_FindObjects(handle, 2);
    lib.C_FindObjectsFinal(handle);
    return found;
  }

  private wrapMechanism(): number {
    const offered = this.session.lib.C_GetMechanismList(this.session.slot.handle);
    return offered.includes(CKM_AES_KEY_WRAP_PAD) ? CKM_AES_KEY_WRAP_PAD : CKM_AES_KEY_WRAP;
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
    ...identity(ckaId(keyId), keyId),
    attribute(pkcs11.CKA_PRIVATE, true),
    attribute(pkcs11.CKA_SENSITIVE, true),
    attribute(pkcs11.CKA_EXTRACTABLE, false),
    attribute(pkcs11.CKA_SIGN, true),
    attribute(pkcs11.CKA_SIGN_RECOVER, false),
    attribute(pkcs11.CKA_DECRYPT, false),
    attribute(pkcs11.CKA_UNWRAP, false),
    attribute(pkcs11.CKA_DERIVE, false),
  ];
}

const identity = (id: Buffer, label: string): Template => [
  attribute(pkcs11.CKA_TOKEN, true),
  attribute(pkcs11.CKA_ID, id),
  attribute(pkcs11.CKA_LABEL, label),
];

const broken = (keyId: string): Result<never> =>
  refused('keys.seal-broken', `The wrapped key ${keyId} was changed, or is of another wrapping key.`, { keyId });

/** Apart from the ids of signing and sealing keys. */
const wrapId = (name: string): Buffer => ckaId(`wrap\n${name}`);
const macId = (name: string): Buffer => ckaId(`bind\n${name}`);
