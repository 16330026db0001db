import type { MigrationInterface, QueryRunner } from 'typeorm';

export class MpcWallets1795000000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table wallet drop constraint wallet_kind_check;
      alter table wallet add constraint wallet_kind_check
        check (kind in ('bitcoin-multisig', 'safe', 'gas-payer', 'taproot-mpc'))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table wallet drop constraint wallet_kind_check;
      alter table wallet add constraint wallet_kind_check check (kind in ('bitcoin-multisig', 'safe', 'gas-payer'))`);
  }
}
