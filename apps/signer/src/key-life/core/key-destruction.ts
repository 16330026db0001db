import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  checkSettled,
  keyLife,
  taprootSpec,
  type CharterState,
  type KeyLife,
  type KeyName,
  type MpcWallet,
} from '@bulkhead/charter';
import type { KeyStore } from '@bulkhead/keys';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { Clock } from '../../clock.js';
import { KEY_STORE } from '../../keys/core/wallet-keys.js';
import { ShareStore } from '../../mpc/persistence/share-store.js';
import { SignerIdentity } from '../../signer-identity.js';
import { LocalFreeze } from '../../signing/core/local-freeze.js';
import { TokenMemory } from '../../token-memory/core/token-memory.js';
import { Turn } from '../../turn.js';
import { KeyRecords } from '../persistence/key-records.js';

const TRY_AGAIN_MS = 5_000;

/**
 * Destroys in the token what the charter says is destroyed, and nothing else: nobody can ask for it, only bring the entry.
 * The token remembers the entry first, so that no older database can bring the key back into the charter. What fails is
 * tried again, and after each start.
 */
@Injectable()
export class KeyDestruction implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('keys');
  private readonly turn = new Turn();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly charter: CharterReplica,
    private readonly memory: TokenMemory,
    private readonly shares: ShareStore,
    private readonly records: KeyRecords,
    private readonly identity: SignerIdentity,
    private readonly clock: Clock,
    private readonly freeze: LocalFreeze,
    @Inject(KEY_STORE) private readonly token: KeyStore,
  ) {}

  onApplicationBootstrap(): void {
    this.charter.onApplied(() => {
      this.carryOut();
    });
    this.timer = setInterval(() => {
      this.carryOut();
    }, TRY_AGAIN_MS);
    this.carryOut();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /**
   * Does what the charter says now, for whoever wants to wait for it: `charter.key-state` when it does not say so,
   * `signer.frozen-locally` as long as this signer's operator has frozen it.
   */
  async destroy(name: KeyName): Promise<Result<true>> {
    const moving = this.freeze.check();
    if (!moving.ok) return moving;
    const state = this.charter.current();
    if (!state.ok) return state;
    const life = keyLife(state.value, name);
    if (name.signer !== this.identity.id || life?.state !== 'DESTROYED') {
      return refused('charter.key-state', 'The charter does not say that this signer destroys this key.', {
        ...name,
        state: life?.state ?? 'none',
      });
    }
    const settled = checkSettled(state.value, this.clock.now());
    if (!settled.ok) return settled;
    return this.turn.take(() => this.destroyOnce(state.value, life));
  }

  private carryOut(): void {
    this.destroyAll().catch((error: unknown) => {
      this.logger.error({ msg: 'keys are not destroyed', problem: String(error) });
    });
  }

  private async destroyAll(): Promise<void> {
    const state = this.charter.current();
    if (!state.ok) return;
    for (const life of state.value.keyLives.values()) {
      if (life.state !== 'DESTROYED' || life.signer !== this.identity.id) continue;
      if (await this.records.isDestroyed(life.publicKey)) continue;
      const destroyed = await this.destroy(life);
      if (!destroyed.ok)
        this.logger.error({ msg: 'a key is not destroyed', wallet: life.wallet, ...destroyed.refusal });
    }
  }

  /** All that this signer has of the wallet's key, but what it was dealt since as a member anew. */
  private destroyShare(wallet: MpcWallet, publicKey: string): Promise<Result<true>> {
    const own = wallet.keys.find(({ signer }) => signer === this.identity.id);
    return own && own.publicKey !== publicKey
      ? this.shares.release(wallet)
      : this.shares.destroy(wallet.id, taprootSpec(wallet).outputKey);
  }

  private async destroyOnce(state: CharterState, { wallet: id, publicKey }: KeyLife): Promise<Result<true>> {
    const covered = await this.memory.cover();
    if (!covered.ok) return covered;
    const wallet = state.wallets.get(id);
    const gone =
      wallet?.kind === 'taproot-mpc'
        ? await this.destroyShare(wallet, publicKey)
        : await this.token.destroyKey(id, publicKey);
    if (!gone.ok) return gone;
    await this.records.destroyed(id, publicKey, state);
    this.logger.log({ msg: 'key destroyed', wallet: id, publicKey });
    return accepted(true);
  }
}
