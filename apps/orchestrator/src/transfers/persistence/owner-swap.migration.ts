import type { MigrationInterface, QueryRunner } from 'typeorm';

export class OwnerSwap1795000000037 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- an owner swap pays nobody
      alter table transfer drop constraint transfer_amount_check;
      alter table transfer add constraint transfer_amount_check check (amount > 0 or (amount = 0 and purpose = 'OWNER_SWAP'));`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table transfer drop constraint transfer_amount_check;
      alter table transfer add constraint transfer_amount_check check (amount > 0);`);
  }
}
