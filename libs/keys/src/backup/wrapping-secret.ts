import { createCipheriv, createHmac, hkdfSync } from 'node:crypto';

const KEY_BYTES = 32;
const CHECK_TEXT = 'bulkhead/wrapping-key-check/v1';
/** What is wrapped to see which key it is that wraps. Not secret. */
export const PROBE_VALUE = Buffer.alloc(KEY_BYTES, 0x42);
/** Initial values of RFC 5649 section 3 and RFC 3394 section 2.2.3.1. */
const PADDED = { cipher: 'id-aes256-wrap-pad', iv: Buffer.from('a65959a6', 'hex') } as const;
const PLAIN = { cipher: 'id-aes256-wrap', iv: Buffer.alloc(8, 0xa6) } as const;

/** The two keys that a wrapping secret stands for: one wraps, one binds a record to what is wrapped. */
export interface WrappingPair {
  readonly wrap: Buffer;
  readonly bind: Buffer;
}

/** What the keys in a token must give when they are those of the secret. Nothing of it is secret. */
export interface WrappingProof {
  readonly check: string;
  /** {@link PROBE_VALUE} as either of the mechanisms wraps it. */
  readonly wrapped: { readonly padded: Buffer; readonly plain: Buffer };
}

/** HKDF-SHA-256 (RFC 5869) of the custodians' secret (32 bytes). The caller wipes both. */
export function wrappingPair(secret: Uint8Array): WrappingPair {
  const derived = (use: 'wrap' | 'bind'): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', `bulkhead/backup/${use}`, KEY_BYTES));
  return { wrap: derived('wrap'), bind: derived('bind') };
}

/** The input of the check value, for a token that holds the key. */
export const checkBytes = (): Buffer => Buffer.from(CHECK_TEXT, 'utf8');

/** 64 hex digits by which a wrapping secret is known and not learnt: shares, backups and tokens bear the same ones. */
export function wrappingCheck(secret: Uint8Array): string {
  return wrappingProof(secret).check;
}

export function wrappingProof(secret: Uint8Array): WrappingProof {
  const { wrap, bind } = wrappingPair(secret);
  try {
    const check = createHmac('sha256', bind).update(checkBytes()).digest('hex');
    return { check, wrapped: { padded: wrapped(PADDED, wrap), plain: wrapped(PLAIN, wrap) } };
  } finally {
    wrap.fill(0);
    bind.fill(0);
  }
}

function wrapped({ cipher, iv }: typeof PADDED | typeof PLAIN, key: Buffer): Buffer {
  const wrapping = createCipheriv(cipher, key, iv);
  return Buffer.concat([wrapping.update(PROBE_VALUE), wrapping.final()]);
}
