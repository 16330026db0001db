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

  /** The next unissued address of a Bitcoin wallet's branch; an account always answers with its one address. */
  async issue(wallet: string, branch: Branch, within?: EntityManager): Promise<ManagedAddressRow> {
    if (within) return this.issueWithin(within, wallet, branch);
    return this.database.transaction((manager) => this.issueWithin(manager, wallet, branch));
  }

  /** {@link issue}, but nothing is issued unless `prove`, which throws otherwise, accepts the address. */
  async issueProven(
    wallet: string,
    branch: Branch,
    prove: (address: string) => Promise<unknown>,
  ): Promise<ManagedAddressRow> {
    return this.database.transaction(async (manager) => {
      const row = await this.issueWithin(manager, wallet, branch);
      await prove(row.address);
      return row;
    });
  }

  private async issueWithin(manager: EntityManager, wallet: string, branch: Branch): Promise<ManagedAddressRow> {
    const row = await manager.findOneBy(WalletRow, { id: wallet });
    if (!row) throw new RefusalError(refused('request.not-found', 'No such wallet.', { wallet }).refusal);
    if (row.kind !== 'bitcoin-multisig') return manager.findOneByOrFail(ManagedAddressRow, { wallet });
    const next = await manager.findOne(ManagedAddressRow, {
      where: { wallet, branch, issuedAt: IsNull() },
      order: { idx: 'ASC' },
      lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' },
    });
    if (!next) {
      throw new RefusalError(
        refused('wallet.addresses-exhausted', 'Every address of the wallet’s window is issued; open another wallet.', {
          wallet,
        }).refusal,
      );
    }
    next.issuedAt = new Date();
    const { chain, addressKey, issuedAt } = next;
    await manager.update(ManagedAddressRow, { chain, addressKey }, { issuedAt });
    return next;
  }

  async issued(wallet: string): Promise<ManagedAddressRow[]> {
    return this.database.manager.find(ManagedAddressRow, {
      where: { wallet, issuedAt: Not(IsNull()) },
      order: { branch: 'ASC', idx: 'ASC' },
    });
  }
}
