import { createHash } from 'node:crypto';

export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const isHex = (text: string): boolean => text.length % 2 === 0 && /^[0-9a-f]*$/.test(text);

/** Bytes of lower-case hex. Throws on anything else: check outside input with {@link isHex} first. */
export function fromHex(text: string): Uint8Array {
  if (!isHex(text)) throw new TypeError('not lower-case hex');
  return new Uint8Array(Buffer.from(text, 'hex'));
}

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** RIPEMD-160 of SHA-256: OP_HASH160. */
export const hash160 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('ripemd160').update(sha256(bytes)).digest());
