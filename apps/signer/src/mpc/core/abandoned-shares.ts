import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { taprootSpec, type CharterState } from '@bulkhead/charter';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { Clock } from '../../clock.js';
import type { SignerConfig } from '../../config.js';
import { Peers } from '../../peers/core/peers.js';
import { SIGNER_CONFIG } from '../../signer-config.js';
import { SignerIdentity } from '../../signer-identity.js';
import { Standing } from '../../signing/core/standing.js';
import { TokenMemory } from '../../token-memory/core/token-memory.js';
import { Turn } from '../../turn.js';
import { ShareStore, type HeldShare } from '../persistence/share-store.js';

const LOOK_EVERY_MS = 60_000;

/**
 * Shares that nothing will be spent by are destroyed, in the database and in the token: those under the name of a wallet
 * that has another key, and those that no entry has opened a wallet for, nor waits to, after twice `unopenedShareSeconds`:
 * after once, `OwnKeys` offers them to no new proposal. What this signer merely has not heard of is not destroyed: every
 * other member must have shown its charter first. The token remembers the charter before anything goes. What fails is tried
 * again.
 */
@Injectable()
export class AbandonedShares implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('mpc');
  private readonly turn = new Turn();
  private readonly lifeMs: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SIGNER_CONFIG) { unopenedShareSeconds }: SignerConfig,
    private readonly charter: CharterReplica,
    private readonly standing: Standing,
    private readonly memory: TokenMemory,
    private readonly shares: ShareStore,
    private readonly peers: Peers,
    private readonly identity: SignerIdentity,
    private readonly clock: Clock,
  ) {
    this.lifeMs = unopenedShareSeconds * 1_000;
  }

  onApplicationBootstrap(): void {
    this.charter.onApplied(() => {
      this.carryOut();
    });
    this.timer = setInterval(
      () => {
        this.carryOut();
      },
      Math.min(LOOK_EVERY_MS, this.lifeMs),
    );
    this.carryOut();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private carryOut(): void {
    this.turn
      .take(() => this.destroyAll())
      .catch((error: unknown) => {
        this.logger.error({ msg: 'abandoned shares are not destroyed', problem: String(error) });
      });
  }

  private async destroyAll(): Promise<void> {
    for (const share of await this.shares.held()) {
      if (!(await this.mayGo(share))) continue;
      const { wallet, outputKey } = share;
      const covered = await this.memory.cover();
      // entries may have come meanwhile
      const known = this.standing.settled();
      if (!known.ok || !this.isAbandoned(known.value, share)) continue;
      const destroyed = covered.ok ? await this.shares.destroy(wallet, outputKey) : covered;
      if (destroyed.ok) this.logger.log({ msg: 'abandoned share destroyed', wallet, outputKey });
      else this.logger.error({ msg: 'an abandoned share is not destroyed', wallet, ...destroyed.refusal });
    }
  }

  /** By what is known here, and where nothing is, by what all others have said just now. */
  private async mayGo(share: HeldShare): Promise<boolean> {
    const { wallet, members } = share;
    const known = this.standing.settled();
    if (!known.ok || !this.isAbandoned(known.value, share)) return false;
    if (known.value.wallets.has(wallet)) return true;
    const others = members.filter((member) => member !== this.identity.id && isInService(known.value, member));
    const heard = await this.peers.follow(others);
    if (!heard.ok) this.logger.warn({ msg: 'a share that no entry opened is kept', wallet, ...heard.refusal });
    return heard.ok;
  }

  private isAbandoned(state: CharterState, share: HeldShare): boolean {
    const wallet = state.wallets.get(share.wallet);
    if (wallet) return wallet.kind !== 'taproot-mpc' || taprootSpec(wallet).outputKey !== share.outputKey;
    const now = this.clock.now();
    return Date.parse(now) >= share.at.getTime() + 2 * this.lifeMs && !waitsToOpen(state, share.wallet, now);
  }
}

const isInService = ({ signers }: CharterState, member: string): boolean => signers.get(member)?.retired === false;

/** Whether an opening of the wallet was decided and can still come into force. */
const waitsToOpen = ({ pending }: CharterState, wallet: string, now: string): boolean =>
  pending.some(({ act, notAfter }) => act.kind === 'wallet.open' && act.wallet.id === wallet && now <= notAfter);
