import { type Handle, type PKCS11 } from 'pkcs11js';

/** A session with its user logged in, as everything that works on the token uses it. */
export interface TokenAccess {
  readonly lib: PKCS11;
  /** Of the session. */
  readonly handle: Handle;
  readonly slot: { readonly handle: Handle };
}

/** The value of one attribute, as the module gives it. */
export function readValue({ lib, handle }: TokenAccess, object: Handle, type: number): Buffer {
  const [read] = lib.C_GetAttributeValue(handle, object, [{ type }]);
  return read?.value ?? Buffer.alloc(0);
}
