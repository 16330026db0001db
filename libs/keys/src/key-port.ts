import { type Result } from '@bulkhead/intent';

/** What every backend says about a key it holds: a token's (ECDSA), or a FROST group's (BIP-340). */
export interface PortKey {
  readonly keyId: string;
  /** Hex: a compressed point of secp256k1 (66 digits), or an x-only one (64). */
  readonly publicKey: string;
}

/**
 * What the rest of Bulkhead may ask of a key, whatever holds it. Nothing here gives a private key or part of one, and
 * nothing signs but exactly 32 bytes. test/support/key-port-suite.ts says what every backend must do.
 */
export interface KeyPort {
  /** Makes the key; asked for again, also at the same time, it gives the same one. */
  generateKey: (keyId: string) => Promise<Result<PortKey>>;
  /** `keys.not-found` when there is none. */
  publicKey: (keyId: string) => Promise<Result<PortKey>>;
  /** 64 bytes, verified against digest and key before they are given; a malformed request is `request.malformed`. */
  signDigest: (keyId: string, digest: Uint8Array) => Promise<Result<Uint8Array>>;
  close: () => Promise<void>;
}
