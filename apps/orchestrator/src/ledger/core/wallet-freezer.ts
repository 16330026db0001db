import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { WalletFreezeRow } from '../persistence/entities.js';

/** A frozen wallet pays nothing: transfers ask here before they build, and again before signers are asked. */
@Injectable()
export class WalletFreezer {
  /** Freezes a wallet in the caller's transaction. A wallet that is frozen keeps its first reason. */
  async freeze(manager: EntityManager, wallet: string, reason: string, incident: string): Promise<void> {
    await manager
      .createQueryBuilder()
      .insert()
      .into(WalletFreezeRow)
      .values({ wallet, reason, incident })
      .orIgnore()
      .execute();
  }

  /** Why the wallet is frozen; undefined when it is not. */
  async freezeOf(manager: EntityManager, wallet: string): Promise<WalletFreezeRow | undefined> {
    return (await manager.findOneBy(WalletFreezeRow, { wallet })) ?? undefined;
  }
}
