import { Injectable } from '@nestjs/common';
import { refused, RefusalError } from '@bulkhead/intent';
import { DataSource, IsNull, Not, type EntityManager } from 'typeorm';
import { ManagedAddressRow, WalletRow } from '../persistence/entities.js';

export type Branch = 0 | 1;
export const RECEIVE: Branch = 0;
export const CHANGE: Branch = 1;

/** Issues each address of a wallet once. All of them are in the registry from the wallet's opening. */
@Injectable()
export class AddressesService {
  constructor(private readonly database: DataSource) {}

  /** Issues the next change address of a Bitcoin wallet, for a transfer that is being built. */
  async issueChange(wallet: string, within: EntityManager): Promise<void> {
    await this.markIssued(within, await this.nextUnissued(within, wallet, CHANGE));
  }

  /**
   * The next unissued address of a Bitcoin wallet's branch; an account always answers with its one address. Nothing is
   * issued unless `prove`, which throws otherwise, accepts the address. `first` is told, in the same transaction, of an
   * address that was not issued before.
   */
  async issueProven(
    wallet: string,
    branch: Branch,
    prove: (address: string) => Promise<unknown>,
    first: (manager: EntityManager) => Promise<unknown>,
  ): Promise<ManagedAddressRow> {
    return this.database.transaction(async (manager) => {
      const known = await manager.findOneBy(WalletRow, { id: wallet });
      if (!known) throw new RefusalError(refused('request.not-found', 'No such wallet.', { wallet }).refusal);
      const row =
        known.kind === 'bitcoin-multisig'
          ? await this.nextUnissued(manager, wallet, branch)
          : await manager.findOneByOrFail(ManagedAddressRow, { wallet });
      await prove(row.address);
      if (await this.markIssued(manager, row)) await first(manager);
      return row;
    });
  }

  /** @returns whether it was not issued before */
  private async markIssued(manager: EntityManager, { chain, addressKey }: ManagedAddressRow): Promise<boolean> {
    const unissued = { chain, addressKey, issuedAt: IsNull() };
    const written = await manager.update(ManagedAddressRow, unissued, { issuedAt: new Date() });
    return written.affected === 1;
  }

  private async nextUnissued(manager: EntityManager, wallet: string, branch: Branch): Promise<ManagedAddressRow> {
    const next = await manager.findOne(ManagedAddressRow, {
      where: { wallet, branch, issuedAt: IsNull() },
      order: { idx: 'ASC' },
      lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' },
    });
    if (next) return next;
    throw new RefusalError(
      refused('wallet.addresses-exhausted', 'Every address of the wallet’s window is issued; open another wallet.', {
        wallet,
      }).refusal,
    );
  }

  /** Accounts whose one address nobody has shown control of yet. */
  async unissuedAccounts(): Promise<string[]> {
    const rows = await this.database.manager.query<{ id: string }[]>(
      `select w.id from wallet w join managed_address a on a.wallet = w.id
       where w.kind <> 'bitcoin-multisig' and a.issued_at is null`,
    );
    return rows.map(({ id }) => id);
  }

  /** The wallets that have issued an address. */
  async issuingWallets(): Promise<ReadonlySet<string>> {
    const rows = await this.database.manager.query<{ wallet: string }[]>(
      'select distinct wallet from managed_address where issued_at is not null and wallet is not null',
    );
    return new Set(rows.map(({ wallet }) => wallet));
  }

  async issued(wallet: string): Promise<ManagedAddressRow[]> {
    return this.database.manager.find(ManagedAddressRow, {
      where: { wallet, issuedAt: Not(IsNull()) },
      order: { branch: 'ASC', idx: 'ASC' },
    });
  }
}
