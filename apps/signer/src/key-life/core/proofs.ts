import { Injectable } from '@nestjs/common';
import { activeKey, type CharterState, type Wallet } from '@bulkhead/charter';
import { proveShareControl, type ControlStatement, type FrostGroup } from '@bulkhead/keys';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { CharterReplica } from '../../charter/core/charter-replica.js';
import { OwnKeys } from '../../charter/core/own-keys.js';
import { WalletKeys } from '../../keys/core/wallet-keys.js';
import { ShareStore } from '../../mpc/persistence/share-store.js';
import { SignerIdentity } from '../../signer-identity.js';
import { LocalFreeze } from '../../signing/core/local-freeze.js';

export interface ShareProof {
  readonly group: FrostGroup;
  /** BIP-340, 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * Shows that this signer holds a key or a share now. By SP 800-57 a key that is not in use yet may do this and nothing
 * else; one that is suspended, retired or destroyed does not, nor does any while the operator has frozen the signer.
 */
@Injectable()
export class Proofs {
  constructor(
    private readonly charter: CharterReplica,
    private readonly ownKeys: OwnKeys,
    private readonly keys: WalletKeys,
    private readonly shares: ShareStore,
    private readonly identity: SignerIdentity,
    private readonly freeze: LocalFreeze,
  ) {}

  async ofKey(statement: ControlStatement): Promise<Result<Uint8Array>> {
    const moving = this.freeze.check();
    if (!moving.ok) return moving;
    const state = this.charter.current();
    const wallet = state.ok ? state.value.wallets.get(statement.wallet) : undefined;
    if (state.ok && wallet && this.hasServed(state.value, wallet)) {
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

  /** Not while the signer is frozen; and a key that was destroyed is not made again under the same name: `key.destroyed`. */
  checkMayMake(id: string): Result<true> {
    const moving = this.freeze.check();
    if (!moving.ok) return moving;
    const state = this.charter.current();
    const wallet = state.ok ? state.value.wallets.get(id) : undefined;
    const active = state.ok && wallet ? activeKey(state.value, wallet, this.identity.id) : accepted(true);
    return !active.ok && active.refusal.code === 'key.destroyed' ? active : accepted(true);
  }

  /** By the share itself: see `proveShareControl`. */
  async ofShare(statement: ControlStatement): Promise<Result<ShareProof>> {
    const moving = this.freeze.check();
    if (!moving.ok) return moving;
    const state = this.charter.current();
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
