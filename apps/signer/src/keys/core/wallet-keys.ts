import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { controlDigest, type ControlStatement } from '@bulkhead/keys';
import type { KeyRecord, KeyStore, KeyStoreHealth, TokenInfo, TokenMetrics } from '@bulkhead/keys';
import { accepted, type Result } from '@bulkhead/intent';

export const KEY_STORE = Symbol('KEY_STORE');

/** The token's keys, one for each wallet and named by it. There is no way to read, delete or name one otherwise. */
@Injectable()
export class WalletKeys implements OnApplicationShutdown {
  constructor(@Inject(KEY_STORE) private readonly store: KeyStore) {}

  /** Makes the wallet's key in the token; asked for again, it gives the same, which is not new then. */
  async generate(wallet: string): Promise<Result<{ readonly key: KeyRecord; readonly isNew: boolean }>> {
    const before = await this.store.publicKey(wallet);
    if (!before.ok && before.refusal.code !== 'keys.not-found') return before;
    const made = await this.store.generateKey(wallet);
    return made.ok ? accepted({ key: made.value, isNew: !before.ok }) : made;
  }

  publicKey(wallet: string): Promise<Result<KeyRecord>> {
    return this.store.publicKey(wallet);
  }

  /** ECDSA over 32 bytes with the wallet's key: 64 bytes, low-S, verified against digest and key. */
  sign(wallet: string, digest: Uint8Array): Promise<Result<Uint8Array>> {
    return this.store.signDigest(wallet, digest);
  }

  /** Signs, with the wallet's key, a statement that can be nothing but a proof of control. */
  async proveControl(statement: ControlStatement): Promise<Result<Uint8Array>> {
    return this.store.signDigest(statement.wallet, controlDigest(statement));
  }

  tokenInfo(): Promise<Result<TokenInfo>> {
    return this.store.tokenInfo();
  }

  health(): KeyStoreHealth {
    return this.store.health();
  }

  metrics(): TokenMetrics {
    return this.store.metrics();
  }

  onApplicationShutdown(): Promise<void> {
    return this.store.close();
  }
}
