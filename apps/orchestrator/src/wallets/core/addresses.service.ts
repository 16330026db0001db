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
  /** Addresses that keys are being asked about, each for one caller. */
  private readonly beingProven = new Set<string>();

  constructor(private readonly database: DataSource) {}

  /** Issues the next change address of a Bitcoin wallet, for a transfer that is being built. */
  async issueChange(wallet: string, within: EntityManager): Promise<void> {
    const next = await within.findOne(ManagedAddressRow, {
      where: { wallet, branch: CHANGE, issuedAt: IsNull() },
      order: { idx: 'ASC' },
      lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' },
    });
    if (!next) throw exhausted(wallet);
    await this.markIssued(within, next);
  }

  /**
   * The next unissued address of a Bitcoin wallet's branch; an account always answers with its one address. Nothing is
   * issued unless `prove`, which throws otherwise, accepts the address: it asks other machines, so no connection to the
   * database is held meanwhile. `first` is told, in the same transaction, of an address that was not issued before.
   */
  async issueProven(
    wallet: string,
    branch: Branch,
    prove: (address: string) => Promise<unknown>,
    first: (manager: EntityManager) => Promise<unknown>,
  ): Promise<ManagedAddressRow> {
    const { manager } = this.database;
    const known = await manager.findOneBy(WalletRow, { id: wallet });
    if (!known) throw new RefusalError(refused('request.not-found', 'No such wallet.', { wallet }).refusal);
    if (known.kind !== 'bitcoin-multisig') {
      const row = await manager.findOneByOrFail(ManagedAddressRow, { wallet });
      await prove(row.address);
      await this.issueNow(row, first);
      return row;
    }
    for (;;) {
      const row = await this.reserve(wallet, branch);
      try {
        await prove(row.address);
        // somebody else may have it by now: another orchestrator, or the change of a transfer
        if (await this.issueNow(row, first)) return row;
      } finally {
        this.beingProven.delete(row.address);
      }
    }
  }

  /** The next address that is neither issued nor being proven for somebody else here. */
  private async reserve(wallet: string, branch: Branch): Promise<ManagedAddressRow> {
    const unissued = await this.database.manager.find(ManagedAddressRow, {
      where: { wallet, branch, issuedAt: IsNull() },
      order: { idx: 'ASC' },
    });
    const next = unissued.find(({ address }) => !this.beingProven.has(address));
    if (!next) throw exhausted(wallet);
    this.beingProven.add(next.address);
    return next;
  }

  private issueNow(row: ManagedAddressRow, first: (manager: EntityManager) => Promise<unknown>): Promise<boolean> {
    return this.database.transaction(async (manager) => {
      const isFirst = await this.markIssued(manager, row);
      if (isFirst) await first(manager);
      return isFirst;
    });
  }

  /** @returns whether it was not issued before */
  private async markIssued(manager: EntityManager, { chain, addressKey }: ManagedAddressRow): Promise<boolean> {
    const unissued = { chain, addressKey, issuedAt: IsNull() };
    const written = await manager.update(ManagedAddressRow, unissued, { issuedAt: new Date() });
    return written.affected === 1;
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

const exhausted = (wallet: string): RefusalError =>
  new RefusalError(
    refused('wallet.addresses-exhausted', 'Every address of the wallet’s window is issued; open another wallet.', {
      wallet,
    }).refusal,
  );
