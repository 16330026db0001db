import { createPrivateKey, type KeyObject } from 'node:crypto';

/** A member's private key: PEM that is not encrypted, or as whoever has decrypted it holds it. */
export type PrivateKey = string | KeyObject;

/** Throws when the text is no private key. */
export const keyObjectOfPrivate = (key: PrivateKey): KeyObject =>
  typeof key === 'string' ? createPrivateKey(key) : key;
