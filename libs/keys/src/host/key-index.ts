import { ObjectClass, type Session } from 'graphene-pk11';
import pkcs11 from 'pkcs11js';

const FIND_AT_ONCE = 1_000;

export interface KeyHandles {
  readonly private: readonly Buffer[];
  readonly public: readonly Buffer[];
}

/**
 * The handles of all elliptic-curve keys of the token by CKA_ID, read once: a search takes time in proportion to all the
 * objects there are (10,000 of them: 0.3 s in SoftHSM), so after a start no key that was there is searched for.
 */
export class KeyIndex {
  private readonly handles = new Map<string, { readonly private: Buffer[]; readonly public: Buffer[] }>();

  constructor(private readonly session: Session) {
    for (const kind of ['private', 'public'] as const)
      for (const handle of this.search(kind)) this.entry(this.idOf(handle))[kind].push(handle);
  }

  /** What was there at the start, or is found now: a key may have been made since, also beside half of an older one. */
  find(id: Buffer): KeyHandles {
    const known = this.handles.get(id.toString('hex'));
    return known === undefined || known.private.length === 0 ? this.findNow(id) : known;
  }

  /** Asks the token. */
  findNow(id: Buffer): KeyHandles {
    const found = { private: this.search('private', id), public: this.search('public', id) };
    if (found.private.length > 0) this.handles.set(id.toString('hex'), found);
    return found;
  }

  forget(id: Buffer): void {
    this.handles.delete(id.toString('hex'));
  }

  /** Not graphene's `session.find`, which asks for one handle per call. */
  search(kind: 'private' | 'public', id?: Buffer): Buffer[] {
    const { lib, handle } = this.session;
    const objectClass = kind === 'private' ? ObjectClass.PRIVATE_KEY : ObjectClass.PUBLIC_KEY;
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

  private idOf(object: Buffer): string {
    const [id] = this.session.lib.C_GetAttributeValue(this.session.handle, object, [{ type: pkcs11.CKA_ID }]);
    return id?.value.toString('hex') ?? '';
  }

  private entry(id: string): { readonly private: Buffer[]; readonly public: Buffer[] } {
    const known = this.handles.get(id);
    if (known !== undefined) return known;
    const made = { private: [], public: [] };
    this.handles.set(id, made);
    return made;
  }
}
