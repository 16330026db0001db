import { Injectable } from '@nestjs/common';
import { mpcAddress, type MpcWallet, type Wallet } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { WalletKeys } from '../../keys/core/wallet-keys.js';
import { ShareStore } from '../../mpc/persistence/share-store.js';
import { SignerIdentity } from '../../signer-identity.js';

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
    private readonly keys: WalletKeys,
    private readonly shares: ShareStore,
    private readonly identity: SignerIdentity,
  ) {}

  /** `charter.key-not-held` when the wallet names another key for this signer; accepted when it names none. */
  async check(wallet: Wallet): Promise<Result<true>> {
    const claimed = wallet.keys.find(({ signer }) => signer === this.identity.id)?.publicKey;
    if (claimed === undefined) return accepted(true);
    return wallet.kind === 'taproot-mpc' ? this.checkShare(wallet) : this.checkKey(wallet.id, claimed);
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
