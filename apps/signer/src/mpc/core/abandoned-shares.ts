import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { taprootSpec, type CharterState } from '@bulkhead/charter';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { TokenMemory } from '../../token-memory/core/token-memory.js';
import { Turn } from '../../turn.js';
import { ShareStore, type HeldShare } from '../persistence/share-store.js';

/**
 * Once the charter has a wallet, its key is the one that it names: what was generated under the wallet's name and not taken
 * is destroyed, in the database and in the token. The token remembers the entry first. What fails is tried again with the
 * next entry, and at each start.
 */
@Injectable()
export class AbandonedShares implements OnApplicationBootstrap {
  private readonly logger = new Logger('mpc');
  private readonly turn = new Turn();

  constructor(
    private readonly charter: CharterReplica,
    private readonly memory: TokenMemory,
    private readonly shares: ShareStore,
  ) {}

  onApplicationBootstrap(): void {
    this.charter.onApplied(() => {
      this.carryOut();
    });
    this.carryOut();
  }

  private carryOut(): void {
    this.turn
      .take(() => this.destroyAll())
      .catch((error: unknown) => {
        this.logger.error({ msg: 'abandoned shares are not destroyed', problem: String(error) });
      });
  }

  private async destroyAll(): Promise<void> {
    const state = this.charter.current();
    if (!state.ok) return;
    const abandoned = (await this.shares.held()).filter((share) => isAbandoned(state.value, share));
    if (abandoned.length === 0) return;
    const covered = await this.memory.cover();
    if (!covered.ok) return;
    for (const { wallet, outputKey } of abandoned) {
      const destroyed = await this.shares.destroy(wallet, outputKey);
      if (destroyed.ok) this.logger.log({ msg: 'abandoned share destroyed', wallet, outputKey });
      else this.logger.error({ msg: 'an abandoned share is not destroyed', wallet, ...destroyed.refusal });
    }
  }
}

function isAbandoned({ wallets }: CharterState, share: HeldShare): boolean {
  const wallet = wallets.get(share.wallet);
  return wallet !== undefined && (wallet.kind !== 'taproot-mpc' || taprootSpec(wallet).outputKey !== share.outputKey);
}
