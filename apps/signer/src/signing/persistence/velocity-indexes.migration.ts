import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['spend', 'peer_spend'] as const;

/** What velocity is counted by, so that a limit of one client does not read the spends of all. */
export class VelocityIndexes1795000000060 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES)
      await runner.query(`
        create index ${table}_wallet_at on ${table} (asset, wallet, at);
        create index ${table}_owner_at on ${table} (asset, owner, at);
        create index ${table}_initiator_at on ${table} (asset, initiator, at);
        create index ${table}_test_payment on ${table} (owner, payee) where purpose = 'TEST_PAYMENT';`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES)
      await runner.query(
        `drop index ${table}_wallet_at, ${table}_owner_at, ${table}_initiator_at, ${table}_test_payment`,
      );
  }
}
