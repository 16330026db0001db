import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What velocity is counted by, so that a limit of one client does not read the transfers of all. */
export class VelocityIndexes1795000000061 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create index transfer_velocity_wallet on transfer (asset, wallet, updated_at);
      create index transfer_velocity_owner on transfer (asset, owner, updated_at);
      create index transfer_velocity_initiator on transfer (asset, (intent->>'initiator'), updated_at);`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index transfer_velocity_wallet, transfer_velocity_owner, transfer_velocity_initiator');
  }
}
