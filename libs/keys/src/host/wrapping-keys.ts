import { accepted, refused, type Result } from '@bulkhead/intent';
import pkcs11, { type Handle, type Template } from 'pkcs11js';
import { PROBE_VALUE, checkBytes, wrappingPair, type WrappingProof } from '../backup/wrapping-secret.js';
import { type Flags, readFlags, UNMODIFIABLE, wrongFlags } from './flags.js';
import { attribute } from './key-template.js';
import { findObjects } from './find-objects.js';
import { foundThere, type Made, newlyMade } from './made.js';
import { ckaId } from './token-keys.js';
import { type TokenAccess } from './token-access.js';

/** RFC 5649; PKCS#11 v2.40 section 2.14 gives it this number, and some modules only the other name. */
const CKM_AES_KEY_WRAP_PAD = 0x210a;
const CKM_AES_KEY_WRAP = 0x2109;
export const MOST_WRAPPED_BYTES = 4_096;
export const MAC_BYTES = 32;

const USES = [
  ['encrypt', pkcs11.CKA_ENCRYPT],
  ['decrypt', pkcs11.CKA_DECRYPT],
  ['sign', pkcs11.CKA_SIGN],
  ['verify', pkcs11.CKA_VERIFY],
  ['wrap', pkcs11.CKA_WRAP],
  ['unwrap', pkcs11.CKA_UNWRAP],
  ['derive', pkcs11.CKA_DERIVE],
] as const;

/** What every key of a pair says, whatever its one use is. What a module does not set to false it may set to true. */
const common = (uses: readonly string[]): Flags => [
  ['sensitive', pkcs11.CKA_SENSITIVE, true],
  ['extractable', pkcs11.CKA_EXTRACTABLE, false],
  UNMODIFIABLE,
  ...USES.map(([name, type]): Flags[number] => [name, type, uses.includes(name)]),
];

/** A wrapping key does nothing else: one that could decrypt would give every wrapped key away in clear. */
const WRAPPING_KEY = common(['wrap', 'unwrap']);
const BINDING_KEY = common(['sign']);

export interface WrappingHandles {
  readonly wrap: Handle;
  readonly bind: Handle;
}

/** The wrapping keys of a token: pairs of a name, made of a secret that custodians have put together. */
export class WrappingKeys {
  constructor(private readonly session: TokenAccess) {}

  /**
   * Puts a pair into the token, or finds that it is the one of that name already. What an interrupted run left of a pair
   * is replaced, and so is the secret's own pair where it is good for more than it must be: earlier versions made it so.
   * The caller wipes the secret.
   *
   * @returns its check value; `keys.attributes-wrong` when the token has another wrapping key of that name
   */
  install(name: string, secret: Uint8Array, proof: WrappingProof): Result<Made<string>> {
    const { pair } = this.find(name);
    if (pair !== undefined && !this.isLoose(pair, proof)) return foundThere(this.prove(name, proof));
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
    if (this.isOf(pair.value, proof)) return accepted(proof.check);
    return refused('keys.attributes-wrong', `The token has another wrapping key ${name}, of another secret.`, {
      wrappingKey: name,
      check: this.checkOf(pair.value),
      wanted: proof.check,
    });
  }

  check(name: string): Result<string> {
    const pair = this.load(name);
    return pair.ok ? accepted(this.checkOf(pair.value)) : pair;
  }

  /** Destroys both keys of the name: for a pair that nothing was wrapped with. */
  discard(name: string): void {
    for (const object of this.find(name).objects) this.session.lib.C_DestroyObject(this.session.handle, object);
  }

  /** Both keys of that name, if each is good for its one purpose only. */
  load(name: string): Result<WrappingHandles> {
    const { pair, objects } = this.find(name);
    if (pair === undefined)
      return refused('keys.not-found', `The token has no wrapping key ${name}.`, { wrappingKey: name });
    const wrong = this.wrong(pair);
    if (objects.length > 2) wrong.push('more than one');
    if (wrong.length === 0) return accepted(pair);
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

  private isOf(pair: WrappingHandles, proof: WrappingProof): boolean {
    return this.checkOf(pair) === proof.check && this.wrapsAs(pair, proof);
  }

  /** Whether it is the secret's own pair, and good for what it should not be. */
  private isLoose(pair: WrappingHandles, proof: WrappingProof): boolean {
    const [wraps] = readFlags(this.session, pair.wrap, [pkcs11.CKA_WRAP]);
    const [binds] = readFlags(this.session, pair.bind, [pkcs11.CKA_SIGN]);
    return wraps === true && binds === true && this.wrong(pair).length > 0 && this.isOf(pair, proof);
  }

  private checkOf(pair: WrappingHandles): string {
    return this.bind(pair, checkBytes()).toString('hex');
  }

  private wrong({ wrap, bind }: WrappingHandles): string[] {
    const ofBinding = wrongFlags(this.session, bind, BINDING_KEY).map((name) => `binding ${name}`);
    return [...wrongFlags(this.session, wrap, WRAPPING_KEY), ...ofBinding];
  }

  private create(keyType: number, id: Buffer, label: string, value: Buffer, flags: Flags): void {
    this.session.lib.C_CreateObject(this.session.handle, [
      attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
      attribute(pkcs11.CKA_KEY_TYPE, keyType),
      ...tokenIdentity(id, label),
      attribute(pkcs11.CKA_PRIVATE, true),
      attribute(pkcs11.CKA_VALUE, value),
      ...flags.map(([, type, wanted]) => attribute(type, wanted)),
    ]);
    value.fill(0);
  }

  /** All of that name, and the pair if it is one: half a pair has never wrapped anything. */
  private find(name: string): { readonly objects: Handle[]; readonly pair: WrappingHandles | undefined } {
    const [wraps = [], binds = []] = [wrapId(name), bindId(name)].map((id) =>
      findObjects(this.session, [attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attribute(pkcs11.CKA_ID, id)]),
    );
    const [wrap] = wraps;
    const [bind] = binds;
    const objects = [...wraps, ...binds];
    return { objects, pair: wrap === undefined || bind === undefined ? undefined : { wrap, bind } };
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
