import { orThrow, accepted, refused, type RefusalCode, type Result } from '@bulkhead/intent';
import { closeSync } from 'node:fs';
import { type KeyStoreListener } from './events.js';
import { type KeyPort } from './key-port.js';
import {
  WRAPPING_SECRET_BYTES,
  digestSchema,
  keyIdSchema,
  type KeptSealed,
  type KeyRecord,
  keyRecordSchema,
  type TokenInfo,
  type TokenObject,
  type TokenRecord,
  type WrappedKey,
  wrappedKeySchema,
  wrappingKeyIdSchema,
} from './host/protocol.js';
import { hostEntryFile, hostEnvironment } from './host-process.js';
import { type HostState } from './host-supervisor.js';
import { openPinFile } from './pin-file.js';
import { PinTries, pinTriesFile } from './pin-tries.js';
import { type Pkcs11Profile, pkcs11ProfileSchema, tokenLabelSchema } from './profile.js';
import { RequestQueue } from './request-queue.js';
import { uncompressedPoint, verifyLowS } from './signature.js';
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

/**
 * Starts a module host for one token, and gives the key store once the host is ready or has failed: a signer with a
 * wrong PIN must be able to say so. See `health()`.
 *
 * @throws RefusalError `keys.pin-file-unsafe` when the PIN file is not private
 */
export async function openKeyStore(options: KeyStoreOptions): Promise<KeyStore> {
  const profile = pkcs11ProfileSchema.parse(options.profile);
  const tokenLabel = tokenLabelSchema.parse(options.tokenLabel);
  const { workers = 1 } = options;
  closeSync(orThrow(openPinFile(options.pinFile)));
  const triesFile = pinTriesFile(options.pinFile);
  const onEvent = options.onEvent ?? (() => undefined);
  return new Promise((resolve) => {
    const queue = new RequestQueue(
      {
        entry: options.hostEntry ?? hostEntryFile('host/module-host'),
        environment: hostEnvironment(profile, options.env ?? {}),
        order: { profile, tokenLabel, workers, pinTriesFile: triesFile },
        pinFile: options.pinFile,
        pinTries: new PinTries(triesFile),
        startTimeoutMs: options.startTimeoutMs ?? 15_000,
        onEvent,
      },
      { maxQueue: options.maxQueue ?? 256, requestTimeoutMs: options.requestTimeoutMs ?? 5_000, workers },
      () => {
        resolve(store);
      },
    );
    const store = new TokenKeyStore(queue, onEvent);
    queue.start();
  });
}

interface SeenKey {
  readonly publicKey: string;
  /** The same in the form that is quickest to verify with: finding y takes as long as a tenth of a verification. */
  readonly point: Uint8Array;
}

class TokenKeyStore implements KeyStore {
  /** What each key was when it was first seen: a key that changes afterwards signs nothing. */
  private readonly seen = new Map<string, SeenKey>();

  constructor(
    private readonly queue: RequestQueue,
    private readonly onEvent: KeyStoreListener,
  ) {}

  generateKey(keyId: string): Promise<Result<KeyRecord>> {
    return this.keyRecord('generateKey', keyId);
  }

  publicKey(keyId: string): Promise<Result<KeyRecord>> {
    return this.keyRecord('publicKey', keyId);
  }

  async signDigest(keyId: string, digest: Uint8Array): Promise<Result<Uint8Array>> {
    if (!digestSchema.safeParse(digest).success)
      return refused('request.malformed', 'Only a digest of exactly 32 bytes can be signed.', {
        length: String(digest.length),
      });
    const own = Uint8Array.from(digest);
    const key = await this.seenKey(keyId);
    if (!key.ok) return key;
    const startedMs = performance.now();
    const signature = await this.queue.ask({ op: 'signDigest', keyId, digest: own });
    if (!signature.ok) return signature;
    if (verifyLowS(own, key.value.point, signature.value)) {
      const nowMs = performance.now();
      this.queue.recorder.signed(nowMs, nowMs - startedMs);
      return signature;
    }
    this.queue.recorder.withheld += 1;
    this.onEvent({ event: 'signature-withheld', keyId });
    return refused('keys.signature-invalid', `The signature that came is not of key ${keyId} and the digest.`, {
      keyId,
    });
  }

  listKeys(): Promise<Result<readonly string[]>> {
    return this.queue.ask({ op: 'listKeys' });
  }

  listObjects(): Promise<Result<readonly TokenObject[]>> {
    return this.queue.ask({ op: 'listObjects' });
  }

  async destroyKey(keyId: string, publicKey: string): Promise<Result<null>> {
    if (!keyIdSchema.safeParse(keyId).success || !keyRecordSchema.shape.publicKey.safeParse(publicKey).success)
      return refused('request.malformed', 'Such a key is not to be destroyed.');
    const destroyed = await this.queue.ask({ op: 'destroyKey', keyId, publicKey });
    if (destroyed.ok) this.seen.delete(keyId);
    return destroyed;
  }

  tokenInfo(): Promise<Result<TokenInfo>> {
    return this.queue.ask({ op: 'tokenInfo' });
  }

  readRecord(): Promise<Result<TokenRecord | null>> {
    return this.queue.ask({ op: 'readRecord' });
  }

  advanceRecord(expected: TokenRecord | null, next: TokenRecord, settleMs = 0): Promise<Result<null>> {
    return this.queue.ask({ op: 'advanceRecord', expected, next, settleMs });
  }

  generateSealKey(keyId: string): Promise<Result<null>> {
    return this.queue.ask({ op: 'generateSealKey', keyId });
  }

  seal(keyId: string, aad: Uint8Array, secret: Uint8Array): Promise<Result<Uint8Array>> {
    return this.queue.ask({ op: 'seal', keyId, aad: Uint8Array.from(aad), bytes: Uint8Array.from(secret) });
  }

  unseal(keyId: string, aad: Uint8Array, sealed: Uint8Array): Promise<Result<Uint8Array>> {
    return this.queue.ask({ op: 'unseal', keyId, aad: Uint8Array.from(aad), bytes: Uint8Array.from(sealed) });
  }

  keepSealed(keyId: string, bytes: Uint8Array): Promise<Result<null>> {
    return this.queue.ask({ op: 'keepSealed', keyId, bytes: Uint8Array.from(bytes) });
  }

  listSealed(): Promise<Result<readonly KeptSealed[]>> {
    return this.queue.ask({ op: 'listSealed' });
  }

  destroySealKey(keyId: string): Promise<Result<null>> {
    return this.queue.ask({ op: 'destroySealKey', keyId });
  }

  async installWrappingKey(wrappingKey: string, secret: Uint8Array): Promise<Result<string>> {
    if (!wrappingKeyIdSchema.safeParse(wrappingKey).success || secret.length !== WRAPPING_SECRET_BYTES)
      return refused('request.malformed', 'A wrapping key has a short name and a secret of 32 bytes.');
    const own = Uint8Array.from(secret);
    const installed = await this.queue.ask({ op: 'installWrappingKey', wrappingKey, secret: own });
    own.fill(0);
    return installed;
  }

  async wrappingKeyCheck(wrappingKey: string): Promise<Result<string>> {
    if (!wrappingKeyIdSchema.safeParse(wrappingKey).success)
      return refused('request.malformed', 'Such a name has no wrapping key.');
    return this.queue.ask({ op: 'wrappingKeyCheck', wrappingKey });
  }

  async wrapKey(keyId: string, wrappingKey: string): Promise<Result<WrappedKey>> {
    if (!keyIdSchema.safeParse(keyId).success || !wrappingKeyIdSchema.safeParse(wrappingKey).success)
      return refused('request.malformed', 'Such a name has no key.');
    return this.queue.ask({ op: 'wrapKey', keyId, wrappingKey });
  }

  async unwrapKey(blob: WrappedKey): Promise<Result<KeyRecord>> {
    const parsed = wrappedKeySchema.safeParse(blob);
    if (!parsed.success) return refused('request.malformed', 'That is no wrapped key.');
    return this.queue.ask({ op: 'unwrapKey', blob: parsed.data });
  }

  health(): KeyStoreHealth {
    const state = this.queue.state;
    switch (state.state) {
      case 'ready':
        return { state: state.state, detail: state.detail, hostPid: state.pid };
      case 'restarting':
      case 'circuit-open':
        return { state: state.state, detail: state.detail };
      case 'failed':
        return { state: state.state, detail: state.refusal.detail, code: state.refusal.code };
    }
  }

  metrics(): TokenMetrics {
    return this.queue.metrics();
  }

  close(): Promise<void> {
    return this.queue.close();
  }

  private async seenKey(keyId: string): Promise<Result<SeenKey>> {
    const seen = this.seen.get(keyId);
    if (seen !== undefined) return accepted(seen);
    const record = await this.publicKey(keyId);
    return record.ok ? this.seenKey(keyId) : record;
  }

  private async keyRecord(op: 'generateKey' | 'publicKey', keyId: string): Promise<Result<KeyRecord>> {
    if (!keyIdSchema.safeParse(keyId).success)
      return refused('request.malformed', 'A key id is 1 to 128 of a-z, 0-9 and . _ : / - between them.');
    const record = await this.queue.ask({ op, keyId });
    if (!record.ok) return record;
    const { publicKey } = record.value;
    const point = uncompressedPoint(Buffer.from(publicKey, 'hex'));
    if (point === undefined)
      return refused('keys.attributes-wrong', `The token's key ${keyId} is no point of secp256k1.`, {
        keyId,
        publicKey,
      });
    const seen = this.seen.get(keyId) ?? { publicKey, point };
    if (seen.publicKey !== publicKey || record.value.keyId !== keyId)
      return refused('keys.attributes-wrong', `The token has another key ${keyId} than before.`, {
        keyId,
        before: seen.publicKey,
        now: publicKey,
      });
    this.seen.set(keyId, seen);
    return record;
  }
}
