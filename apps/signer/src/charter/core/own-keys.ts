import { Inject, Injectable } from '@nestjs/common';
import { mpcAddress, taprootSpec, type MpcWallet, type Wallet } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { Clock } from '../../clock.js';
import type { SignerConfig } from '../../config.js';
import { WalletKeys } from '../../keys/core/wallet-keys.js';
import { ShareStore } from '../../mpc/persistence/share-store.js';
import { SIGNER_CONFIG } from '../../signer-config.js';
import { SignerIdentity } from '../../signer-identity.js';
import { CharterReplica } from './charter-replica.js';

/**
 * Invariant 4, as far as this signer alone can know it: the key that a wallet names for it is the one that its token made
 * for this wallet. An entry that says otherwise is followed like any other, since everybody else follows it; but for such a
 * wallet this signer signs and proves nothing.
 */
@Injectable()
export class OwnKeys {
  /** Wallet to the key that its token was seen to hold: a key in a token never changes. */
  private readonly seen = new Map<string, string>();

  constructor(
    @Inject(SIGNER_CONFIG) private readonly config: SignerConfig,
    private readonly charter: CharterReplica,
    private readonly keys: WalletKeys,
    private readonly shares: ShareStore,
    private readonly identity: SignerIdentity,
    private readonly clock: Clock,
  ) {}

  /** `charter.key-not-held` when the wallet names another key for this signer; accepted when it names none. */
  async check(wallet: Wallet): Promise<Result<true>> {
    const claimed = wallet.keys.find(({ signer }) => signer === this.identity.id)?.publicKey;
    if (claimed === undefined) return accepted(true);
    return wallet.kind === 'taproot-mpc' ? this.checkShare(wallet) : this.checkKey(wallet.id, claimed);
  }

  /**
   * The same before an act is proposed that would give the wallet this key. A share that has waited for long is not offered
   * to a new wallet any more: it will be destroyed, and what was proposed must be in force or have lapsed by then.
   */
  async offer(wallet: Wallet): Promise<Result<true>> {
    const own = await this.check(wallet);
    const known = this.charter.current();
    if (!own.ok || wallet.kind !== 'taproot-mpc' || (known.ok && known.value.wallets.has(wallet.id))) return own;
    const { outputKey } = taprootSpec(wallet);
    const share = (await this.shares.held()).find((one) => one.wallet === wallet.id && one.outputKey === outputKey);
    const since = this.clock.at(-this.config.unopenedShareSeconds * 1_000);
    if (share === undefined || share.at.toISOString() > since) return own;
    return refused('charter.key-not-held', 'This signer’s share is too old for a new wallet: generate another group.', {
      wallet: wallet.id,
      generatedAt: share.at.toISOString(),
    });
  }

  private async checkKey(wallet: string, claimed: string): Promise<Result<true>> {
    if (this.seen.get(wallet) === claimed) return accepted(true);
    const own = await this.keys.publicKey(wallet);
    if (!own.ok && own.refusal.code !== 'keys.not-found') return own;
    if (own.ok && own.value.publicKey === claimed) {
      this.seen.set(wallet, claimed);
      return accepted(true);
    }
    return refused(
      'charter.key-not-held',
      'The wallet names a key for this signer that its token did not make for it.',
      { wallet, claimed, held: own.ok ? own.value.publicKey : 'none' },
    );
  }

  /** An MPC wallet is of a group that this signer holds a share of: the same members, shares and threshold. */
  private async checkShare(wallet: MpcWallet): Promise<Result<true>> {
    const computed = mpcAddress(wallet);
    if (!computed.ok) return computed;
    if (computed.value === wallet.address && (await this.shares.holds(wallet))) return accepted(true);
    return refused('charter.key-not-held', 'The wallet’s key is not of a group that this signer holds a share of.', {
      wallet: wallet.id,
      address: wallet.address,
    });
  }
}
