import { type Session } from 'graphene-pk11';
import { accepted, refused, type Result } from '@bulkhead/intent';
import pkcs11, { type Handle, type Template } from 'pkcs11js';
import { PROBE_VALUE, checkBytes, wrappingPair, type WrappingProof } from '../backup/wrapping-secret.js';
import { attribute } from './key-template.js';
import { foundThere, type Made, newlyMade } from './made.js';
import { ckaId } from './token-keys.js';

/** RFC 5649; PKCS#11 v2.40 section 2.14 gives it this number, and some modules only the other name. */
const CKM_AES_KEY_WRAP_PAD = 0x210a;
const CKM_AES_KEY_WRAP = 0x2109;
export const MOST_WRAPPED_BYTES = 4_096;
export const MAC_BYTES = 32;

type Uses = readonly (readonly [string, number, boolean])[];

/** A wrapping key does nothing else: one that could decrypt would give every wrapped key away in clear. */
const WRAPPING_KEY: Uses = [
  ['sensitive', pkcs11.CKA_SENSITIVE, true],
  ['extractable', pkcs11.CKA_EXTRACTABLE, false],
  ['wrap', pkcs11.CKA_WRAP, true],
  ['unwrap', pkcs11.CKA_UNWRAP, true],
  ['encrypt', pkcs11.CKA_ENCRYPT, false],
  ['decrypt', pkcs11.CKA_DECRYPT, false],
];
const BINDING_KEY: Uses = [
  ['sensitive', pkcs11.CKA_SENSITIVE, true],
  ['extractable', pkcs11.CKA_EXTRACTABLE, false],
  ['sign', pkcs11.CKA_SIGN, true],
];

export interface WrappingHandles {
  readonly wrap: Handle;
  readonly bind: Handle;
}

/** The wrapping keys of a token: pairs of a name, made of a secret that custodians have put together. */
export class WrappingKeys {
  constructor(private readonly session: Session) {}

  /** Both keys of the name: half a pair has never wrapped anything. */
  private exists(name: string): boolean {
    return this.find(wrapId(name)).length > 0 && this.find(bindId(name)).length > 0;
  }

  /**
   * Puts a pair into the token, or finds that it is the one of that name already. What an interrupted run left of a pair
   * is replaced. The caller wipes the secret.
   *
   * @returns its check value; `keys.attributes-wrong` when the token has another wrapping key of that name
   */
  install(name: string, secret: Uint8Array, proof: WrappingProof): Result<Made<string>> {
    if (this.exists(name)) return foundThere(this.prove(name, proof));
    this.discard(name);
    const { wrap, bind } = wrappingPair(secret);
    this.create(pkcs11.CKK_GENERIC_SECRET, bindId(name), name, bind, BINDING_KEY);
    this.create(pkcs11.CKK_AES, wrapId(name), name, wrap, WRAPPING_KEY);
    return newlyMade(this.prove(name, proof));
  }

  /** Whether the pair binds and wraps as the secret's own does; else `keys.attributes-wrong`. */
  prove(name: string, proof: WrappingProof): Result<string> {
    const pair = this.load(name);
    if (!pair.ok) return pair;
    const check = this.bind(pair.value, checkBytes()).toString('hex');
    if (check === proof.check && this.wrapsAs(pair.value, proof)) return accepted(check);
    return refused('keys.attributes-wrong', `The token has another wrapping key ${name}, of another secret.`, {
      wrappingKey: name,
      check,
      wanted: proof.check,
    });
  }

  check(name: string): Result<string> {
    const pair = this.load(name);
    return pair.ok ? accepted(this.bind(pair.value, checkBytes()).toString('hex')) : pair;
  }

  /** Destroys both keys of the name: for a pair that nothing was wrapped with. */
  discard(name: string): void {
    for (const object of [...this.find(wrapId(name)), ...this.find(bindId(name))])
      this.session.lib.C_DestroyObject(this.session.handle, object);
  }

  /** Both keys of that name, if each is good for its one purpose only. */
  load(name: string): Result<WrappingHandles> {
    const [wrap, secondWrap] = this.find(wrapId(name));
    const [bind, secondBind] = this.find(bindId(name));
    if (wrap === undefined || bind === undefined)
      return refused('keys.not-found', `The token has no wrapping key ${name}.`, { wrappingKey: name });
    const wrong = [...this.wrong(wrap, WRAPPING_KEY), ...this.wrong(bind, BINDING_KEY)];
    if (secondWrap !== undefined || secondBind !== undefined) wrong.push('more than one');
    if (wrong.length === 0) return accepted({ wrap, bind });
    return refused('keys.attributes-wrong', `The wrapping key ${name} may not be used: it must only wrap.`, {
      wrappingKey: name,
      wrong: wrong.join(', '),
    });
  }

  /** HMAC-SHA-256 by the binding key. */
  bind({ bind }: WrappingHandles, bytes: Buffer): Buffer {
    const { lib, handle } = this.session;
    lib.C_SignInit(handle, { mechanism: pkcs11.CKM_SHA256_HMAC }, bind);
    return lib.C_Sign(handle, bytes, Buffer.alloc(MAC_BYTES));
  }

  mechanism(): { readonly mechanism: number } {
    const offered = this.session.lib.C_GetMechanismList(this.session.slot.handle);
    return { mechanism: offered.includes(CKM_AES_KEY_WRAP_PAD) ? CKM_AES_KEY_WRAP_PAD : CKM_AES_KEY_WRAP };
  }

  /** Wraps a key of the session whose value everybody knows, which tells one wrapping key from another. */
  private wrapsAs({ wrap }: WrappingHandles, { wrapped }: WrappingProof): boolean {
    const { lib, handle } = this.session;
    const known = lib.C_CreateObject(handle, [
      attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
      attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
      attribute(pkcs11.CKA_TOKEN, false),
      attribute(pkcs11.CKA_SENSITIVE, false),
      attribute(pkcs11.CKA_EXTRACTABLE, true),
      attribute(pkcs11.CKA_VALUE, PROBE_VALUE),
    ]);
    const given = lib.C_WrapKey(handle, this.mechanism(), wrap, known, Buffer.alloc(MOST_WRAPPED_BYTES));
    lib.C_DestroyObject(handle, known);
    return wrapped.padded.equals(given) || wrapped.plain.equals(given);
  }

  private wrong(key: Handle, wanted: Uses): string[] {
    const { lib, handle } = this.session;
    const read = lib.C_GetAttributeValue(
      handle,
      key,
      wanted.map(([, type]) => ({ type })),
    );
    return wanted.filter(([, , value], place) => (read[place]?.value[0] === 1) !== value).map(([name]) => name);
  }

  private create(keyType: number, id: Buffer, label: string, value: Buffer, uses: Uses): void {
    this.session.lib.C_CreateObject(this.session.handle, [
      attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
      attribute(pkcs11.CKA_KEY_TYPE, keyType),
      ...tokenIdentity(id, label),
      attribute(pkcs11.CKA_PRIVATE, true),
      attribute(pkcs11.CKA_VALUE, value),
      ...uses.map(([, type, wanted]) => attribute(type, wanted)),
    ]);
    value.fill(0);
  }

  private find(id: Buffer): Handle[] {
    const { lib, handle } = this.session;
    lib.C_FindObjectsInit(handle, [attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attribute(pkcs11.CKA_ID, id)]);
    const found = lib.C_FindObjects(handle, 2);
    lib.C_FindObjectsFinal(handle);
    return found;
  }
}

/** Of an object that stays in the token. */
export const tokenIdentity = (id: Buffer, label: string): Template => [
  attribute(pkcs11.CKA_TOKEN, true),
  attribute(pkcs11.CKA_ID, id),
  attribute(pkcs11.CKA_LABEL, label),
];

/** Apart from the ids of signing and sealing keys. */
const wrapId = (name: string): Buffer => ckaId(`wrap\n${name}`);
const bindId = (name: string): Buffer => ckaId(`bind\n${name}`);
