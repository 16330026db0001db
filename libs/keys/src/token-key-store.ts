import { orThrow, accepted, refused, type Result } from '@bulkhead/intent';
import { closeSync } from 'node:fs';
import { type KeyStoreListener } from './events.js';
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
import { type KeyStore, type KeyStoreHealth, type KeyStoreOptions } from './key-store.js';
import { openPinFile } from './pin-file.js';
import { PinTries, pinTriesFile } from './pin-tries.js';
import { pkcs11ProfileSchema, tokenLabelSchema } from './profile.js';
import { RequestQueue } from './request-queue.js';
import { uncompressedPoint, verifyLowS } from './signature.js';
import { type TokenMetrics } from './token-metrics.js';

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
