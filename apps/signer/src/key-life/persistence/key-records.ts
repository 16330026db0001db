import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { CharterState, Head } from '@bulkhead/charter';
import type { KeyRecord } from '@bulkhead/keys';
import { DataSource, IsNull } from 'typeorm';
import { Clock } from '../../clock.js';
import { KeyRecordRow } from './key-record.entity.js';

/** What a key has signed, as this signer keeps it: transfers and gas, not proofs of control. */
export interface KeyUse {
  readonly uses: number;
  readonly lastUsedAt: Date;
}

/** This signer's own record of its keys: made, used, destroyed. */
@Injectable()
export class KeyRecords {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly clock: Clock,
  ) {}

  /** @param isNew whether it was made just now: of another one nobody knows when */
  async made(wallet: string, { publicKey, attributes }: KeyRecord, isNew: boolean): Promise<void> {
    const createdAt = isNew ? new Date(this.clock.now()) : null;
    await this.insert({ publicKey, wallet, attributes, createdAt, destroyedAt: null, destroyedBy: null });
  }

  /** After the token has shown that it is gone. Repeating it changes nothing. */
  async destroyed(wallet: string, publicKey: string, { heads }: CharterState): Promise<void> {
    await this.insert({ publicKey, wallet, attributes: null, createdAt: null, destroyedAt: null, destroyedBy: null });
    const destroyedBy: Record<string, Head> = Object.fromEntries(heads);
    await this.database
      .getRepository(KeyRecordRow)
      .update({ publicKey, destroyedAt: IsNull() }, { destroyedAt: new Date(this.clock.now()), destroyedBy });
  }

  async isDestroyed(publicKey: string): Promise<boolean> {
    const row = await this.database.getRepository(KeyRecordRow).findOneBy({ publicKey });
    return row !== null && row.destroyedAt !== null;
  }

  /** By public key. */
  async all(): Promise<ReadonlyMap<string, KeyRecordRow>> {
    const rows = await this.database.getRepository(KeyRecordRow).find();
    return new Map(rows.map((row) => [row.publicKey, row]));
  }

  /** The wallets that keys were made for which the token should have. */
  async wallets(): Promise<ReadonlySet<string>> {
    const rows = await this.database
      .getRepository(KeyRecordRow)
      .find({ select: { wallet: true }, where: { destroyedAt: IsNull() } });
    return new Set(rows.map(({ wallet }) => wallet));
  }

  /** By public key. */
  async uses(): Promise<ReadonlyMap<string, KeyUse>> {
    const rows: { key: string; uses: number; last: Date }[] = await this.database.query(
      `select made ->> 'publicKey' as key, count(*)::int as uses, max(at) as last
       from signature, jsonb_array_elements(signatures) as made group by 1`,
    );
    return usesOf(rows);
  }

  /** Of shares, by wallet. */
  async shareUses(): Promise<ReadonlyMap<string, KeyUse>> {
    const rows: { key: string; uses: number; last: Date }[] = await this.database.query(
      `select wallet as key, sum(json_array_length(digests))::int as uses, max(used_at) as last
       from frost_nonces where digests is not null group by 1`,
    );
    return usesOf(rows);
  }

  private async insert(row: KeyRecordRow): Promise<void> {
    await this.database.createQueryBuilder().insert().into(KeyRecordRow).values(row).orIgnore().execute();
  }
}

const usesOf = (rows: readonly { key: string; uses: number; last: Date }[]): ReadonlyMap<string, KeyUse> =>
  new Map(rows.map(({ key, uses, last }) => [key, { uses, lastUsedAt: last }]));
