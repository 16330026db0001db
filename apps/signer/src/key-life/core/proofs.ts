import { Inject, Injectable } from '@nestjs/common';
import { activeKey, type CharterState, type Wallet } from '@bulkhead/charter';
import { proveShareControl, type ControlStatement, type FrostGroup } from '@bulkhead/keys';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { OwnKeys } from '../../charter/core/own-keys.js';
import { WalletKeys } from '../../keys/core/wallet-keys.js';
import { ShareStore } from '../../mpc/persistence/share-store.js';
import type { SignerConfig } from '../../config.js';
import { SIGNER_CONFIG } from '../../signer-config.js';
import { SignerIdentity } from '../../signer-identity.js';
import { KeyRecords } from '../persistence/key-records.js';
import { Standing } from '../../signing/core/standing.js';

export interface ShareProof {
  readonly group: FrostGroup;
  /** BIP-340, 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * Shows that this signer holds a key or a share now. By SP 800-57 a key that is not in use yet may do this and nothing
 * else; one that is suspended, retired or destroyed does not, nor does any while the operator has frozen the signer. Nor
 * does a signer that the charter has retired, or knows with another token: it would sign nothing with what it has shown.
 */
@Injectable()
export class Proofs {
  constructor(
    private readonly ownKeys: OwnKeys,
    private readonly keys: WalletKeys,
    private readonly shares: ShareStore,
    private readonly identity: SignerIdentity,
    private readonly standing: Standing,
    private readonly records: KeyRecords,
    @Inject(SIGNER_CONFIG) private readonly config: SignerConfig,
  ) {}

  async ofKey(statement: ControlStatement): Promise<Result<Uint8Array>> {
    const state = await this.standing.inService();
    if (!state.ok) return state;
    const wallet = state.value.wallets.get(statement.wallet);
    if (wallet && this.hasServed(state.value, wallet)) {
      const active = activeKey(state.value, wallet, this.identity.id);
      if (!active.ok) return active;
    }
    const own = wallet ? await this.ownKeys.check(wallet) : accepted(true);
    if (!own.ok) return own;
    return this.keys.proveControl(statement);
  }

  /** Whether a key of this signer is or was the wallet's: another that it has made for it is not in use yet. */
  private hasServed({ formerKeys }: CharterState, { id, keys }: Wallet): boolean {
    const sets = [keys, ...(formerKeys.get(id) ?? []).map((former) => former.keys)];
    return sets.flat().some(({ signer }) => signer === this.identity.id);
  }

  /**
   * Not while the signer is frozen or out of service, before there is a charter apart; a key that was destroyed is not made
   * again under the same name: `key.destroyed`; and of keys that nobody has opened a wallet for there is a bound, so that
   * whoever carries requests cannot fill the token: `keys.too-many-unopened`.
   */
  async checkMayMake(id: string): Promise<Result<true>> {
    const state = await this.standing.inService();
    if (!state.ok) return state.refusal.code === 'charter.behind' ? accepted(true) : state;
    const wallet = state.value.wallets.get(id);
    const active = wallet ? activeKey(state.value, wallet, this.identity.id) : accepted(true);
    if (!active.ok && active.refusal.code === 'key.destroyed') return active;
    return wallet ? accepted(true) : this.checkRoom(state.value, id);
  }

  private async checkRoom({ wallets }: CharterState, id: string): Promise<Result<true>> {
    const made = await this.records.wallets();
    const unopened = [...made].filter((wallet) => !wallets.has(wallet)).length;
    if (made.has(id) || unopened < this.config.maxUnopenedKeys) return accepted(true);
    return refused('keys.too-many-unopened', 'Too many keys here are of wallets that were never opened.', {
      unopened: String(unopened),
    });
  }

  /** By the share itself: see `proveShareControl`. */
  async ofShare(statement: ControlStatement): Promise<Result<ShareProof>> {
    const state = await this.standing.inService();
    if (!state.ok) return state;
    const wallet = state.value.wallets.get(statement.wallet);
    if (wallet?.kind !== 'taproot-mpc')
      return refused('signer.wrong-wallet', 'This wallet has no MPC group.', { wallet: statement.wallet });
    const active = activeKey(state.value, wallet, this.identity.id);
    if (!active.ok) return active;
    const own = await this.ownKeys.check(wallet);
    if (!own.ok) return own;
    const share = await this.shares.inUse(wallet);
    if (!share.ok) return share;
    const key = await this.shares.unseal(share.value);
    if (!key.ok) return key;
    try {
      return accepted({ group: key.value.group, signature: proveShareControl(key.value, statement) });
    } finally {
      key.value.share.fill(0);
    }
  }
}
