import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { cursorOf } from '../../chains/core/cursor.js';
import { DepositRow, type DepositStatus } from '../persistence/entities.js';

export interface DepositFilter {
  readonly owner?: string | undefined;
  readonly wallet?: string | undefined;
  readonly status?: DepositStatus | undefined;
}

/** A deposit with its confirmations as the register counts them: zero once its block is gone. */
export interface ConfirmedDeposit {
  readonly row: DepositRow;
  readonly confirmations: number;
}

@Injectable()
export class DepositsService {
  constructor(private readonly database: DataSource) {}

  /** Newest first, 500 at most. */
  async list({ owner, wallet, status }: DepositFilter): Promise<ConfirmedDeposit[]> {
    const rows = await this.database.manager.find(DepositRow, {
      where: {
        ...(owner !== undefined && { owner }),
        ...(wallet !== undefined && { wallet }),
        ...(status !== undefined && { status }),
      },
      order: { createdAt: 'DESC', id: 'ASC' },
      take: 500,
    });
    return this.confirmed(rows);
  }

  async find(id: string): Promise<ConfirmedDeposit | undefined> {
    const [deposit] = await this.confirmed(await this.database.manager.findBy(DepositRow, { id }));
    return deposit;
  }

  private async confirmed(rows: readonly DepositRow[]): Promise<ConfirmedDeposit[]> {
    const heights = new Map<string, number>();
    for (const chain of new Set(rows.map((row) => row.chain))) {
      heights.set(chain, (await cursorOf(this.database.manager, chain))?.height ?? 0);
    }
    return rows.map((row) => {
      const past = (heights.get(row.chain) ?? 0) - row.height + 1;
      return { row, confirmations: row.status === 'REVERSED' ? 0 : Math.max(0, past) };
    });
  }
}
