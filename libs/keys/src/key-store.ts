import { type RefusalCode, type Result } from '@bulkhead/intent';
import { type KeyStoreListener } from './events.js';
import {
  type KeptSealed,
  type KeyRecord,
  type TokenInfo,
  type TokenObject,
  type TokenRecord,
  type WrappedKey,
} from './host/protocol.js';
import { type HostState } from './host-supervisor.js';
import { type KeyPort } from './key-port.js';
import { type Pkcs11Profile } from './profile.js';
import { type TokenMetrics } from './token-metrics.js';

export interface KeyStoreOptions {
  readonly profile: Pkcs11Profile;
  readonly tokenLabel: string;
  /** The user's PIN: a regular file that only its owner may read. This process opens it and never reads it. */
  readonly pinFile: string;
  /** The environment variables that the profile names; for SoftHSM, SOFTHSM2_CONF. */
  readonly env?: Readonly<Record<string, string>>;
  /** The compiled module-host entry, where it is not at its usual place. */
  readonly hostEntry?: string;
  /** How long a request may take, waiting included; one that has the token opened anew, as long as a start besides. Default 5,000. */
  readonly requestTimeoutMs?: number;
  /** How long the module, token and login may take together. Default 15,000. */
  readonly startTimeoutMs?: number;
  /** How many requests may wait or be under way. Default 256. */
  readonly maxQueue?: number;
  /** Threads that sign at the same time, each in a session of its own. Default 1. */
  readonly workers?: number;
  readonly onEvent?: KeyStoreListener;
}

export interface KeyStoreHealth {
  readonly state: HostState['state'];
  readonly detail: string;
  /** Why it failed for good. */
  readonly code?: RefusalCode;
  /** The module host's process id while it is ready. */
  readonly hostPid?: number;
}

/** The keys of one token. All refusals are of the catalogue's `keys.` codes, or `request.malformed`. */
export interface KeyStore extends KeyPort {
  /** Makes a secp256k1 key in the token that cannot leave it. Asked for again, it gives the same key. */
  generateKey: (keyId: string) => Promise<Result<KeyRecord>>;
  publicKey: (keyId: string) => Promise<Result<KeyRecord>>;
  /**
   * ECDSA over a ready 32-byte digest: 64 bytes r || s, low-S. It is verified against this digest and this key here, in
   * memory that the module's code cannot touch; one that does not hold is `keys.signature-invalid` and never given.
   */
  signDigest: (keyId: string, digest: Uint8Array) => Promise<Result<Uint8Array>>;
  listKeys: () => Promise<Result<readonly string[]>>;
  /** Every private and secret key in the token, whoever put it there. */
  listObjects: () => Promise<Result<readonly TokenObject[]>>;
  /**
   * Destroys a key for good, and looks for it in the token opened anew; repeating it does no harm. `keys.attributes-wrong`
   * when the key of this name has another public key, `keys.not-destroyed` when it is still there.
   */
  destroyKey: (keyId: string, publicKey: string) => Promise<Result<null>>;
  tokenInfo: () => Promise<Result<TokenInfo>>;
  /** The token's one record that only moves forward; null when it has none. */
  readRecord: () => Promise<Result<TokenRecord | null>>;
  /**
   * Puts `next`, which is higher, in the place of `expected`; `keys.record-moved` when the token holds another. `settleMs`
   * (default 0): how long to wait before looking for a rival, for whoever opens a new epoch.
   */
  advanceRecord: (expected: TokenRecord | null, next: TokenRecord, settleMs?: number) => Promise<Result<null>>;
  /** Makes an AES-256 key in the token that cannot leave it and only seals. Asked for again, it finds the same. */
  generateSealKey: (keyId: string) => Promise<Result<null>>;
  /** Encrypts with such a key (AES-GCM) for `aad`, which is not kept: whoever unseals must know it. */
  seal: (keyId: string, aad: Uint8Array, secret: Uint8Array) => Promise<Result<Uint8Array>>;
  /** What was sealed; `keys.seal-broken` when it was not by this key, for this `aad`, to the bit. */
  unseal: (keyId: string, aad: Uint8Array, sealed: Uint8Array) => Promise<Result<Uint8Array>>;
  /**
   * Puts what a key has sealed beside it into the token, at most 128 KiB: whoever has the token has both. It goes with the
   * key. Repeating it does no harm; `keys.not-kept` when the token, opened anew, has it not.
   */
  keepSealed: (keyId: string, bytes: Uint8Array) => Promise<Result<null>>;
  /** All that was put so, each with the name of its key. */
  listSealed: () => Promise<Result<readonly KeptSealed[]>>;
  /**
   * Destroys a sealing key for good, and so all that it sealed, wherever copies of it are. It is looked for in the token
   * opened anew: `keys.not-destroyed` when it is still there. Repeating it does no harm.
   */
  destroySealKey: (keyId: string) => Promise<Result<null>>;
  /**
   * Puts a wrapping key into the token, of a secret of 32 bytes that custodians have put together: it wraps and unwraps,
   * and does nothing else. Asked for again with the same secret, it finds the same. The caller wipes the secret.
   *
   * @returns its check value, once it was found in a token opened anew
   */
  installWrappingKey: (wrappingKey: string, secret: Uint8Array) => Promise<Result<string>>;
  /** The check value of a wrapping key: the same in each token that has it. */
  wrappingKeyCheck: (wrappingKey: string) => Promise<Result<string>>;
  /** The key wrapped, for another token that has the wrapping key; only where the profile's `keyBackup` is `wrapped`. */
  wrapKey: (keyId: string, wrappingKey: string) => Promise<Result<WrappedKey>>;
  /**
   * Takes a wrapped key into this token: sensitive, not extractable. `keys.seal-broken` when a bit of it was changed.
   * Asked for again, it finds the same.
   */
  unwrapKey: (blob: WrappedKey) => Promise<Result<KeyRecord>>;
  health: () => KeyStoreHealth;
  /** What this token has done since the key store was opened. */
  metrics: () => TokenMetrics;
  close: () => Promise<void>;
}
