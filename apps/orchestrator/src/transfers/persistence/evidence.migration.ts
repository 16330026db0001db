import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Evidence1795000000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table transfer add column attestations jsonb not null default '[]';
      -- what was paid of an asset lately, for the limits that policies set
      create index transfer_velocity on transfer (asset, updated_at);
      create index transfer_test_payment on transfer (owner, payee) where purpose = 'TEST_PAYMENT';`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop index transfer_test_payment, transfer_velocity; alter table transfer drop column attestations',
    );
  }
}
