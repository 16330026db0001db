import { Inject, Injectable } from '@nestjs/common';
import { accepted, refused, type AssetId, type Result } from '@bulkhead/intent';
import type { EntityManager } from 'typeorm';
import type { SignerConfig } from '../../config.js';
import { SIGNER_CONFIG } from '../../signer-config.js';
import { SpendRow } from '../persistence/spend.entity.js';

const DAY_MS = 24 * 60 * 60_000;

/** This signer's own limits, from its configuration: nothing in the charter can raise them. */
@Injectable()
export class HardLimits {
  private readonly limits: ReadonlyMap<string, { readonly perTransfer: bigint; readonly perDay: bigint }>;

  constructor(@Inject(SIGNER_CONFIG) { hardLimits }: SignerConfig) {
    this.limits = new Map(
      hardLimits.map(({ asset, maxAmountPerTransfer, maxAmountPerDay }) => [
        asset,
        { perTransfer: BigInt(maxAmountPerTransfer), perDay: BigInt(maxAmountPerDay) },
      ]),
    );
  }

  /**
   * Whether one more payment stays within them, counting all that this signer has agreed to sign in the 24 hours up to
   * `at`, sent or not. To be asked in the transaction that records the payment. An asset that the limits leave out is
   * refused as soon as there is any limit.
   */
  async check(
    manager: EntityManager,
    { asset, amount }: { readonly asset: AssetId; readonly amount: bigint },
    at: Date,
  ): Promise<Result<true>> {
    if (this.limits.size === 0) return accepted(true);
    const limit = this.limits.get(asset) ?? { perTransfer: 0n, perDay: 0n };
    const spent = await this.spentSince(manager, asset, new Date(at.getTime() - DAY_MS));
    if (amount <= limit.perTransfer && spent + amount <= limit.perDay) return accepted(true);
    return refused('signer.over-hard-limit', 'It is over this signer’s own limit, which no charter entry can raise.', {
      asset,
      amount: amount.toString(),
      maxAmountPerTransfer: limit.perTransfer.toString(),
      spentInADay: spent.toString(),
      maxAmountPerDay: limit.perDay.toString(),
    });
  }

  private async spentSince(manager: EntityManager, asset: AssetId, since: Date): Promise<bigint> {
    const row = await manager
      .createQueryBuilder(SpendRow, 'spend')
      .select('coalesce(sum(spend.amount), 0)::text', 'total')
      .where('spend.asset = :asset and spend.at > :since', { asset, since })
      .getRawOne<{ total: string }>();
    return BigInt(row?.total ?? '0');
  }
}
