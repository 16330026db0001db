import type { MigrationInterface, QueryRunner } from 'typeorm';

export class PayloadId1795000000014 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- not unique, as the payload is not; null in transfers of before
      alter table transfer add column payload_id text;
      create index transfer_payload_id on transfer (chain, payload_id);`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index transfer_payload_id; alter table transfer drop column payload_id');
  }
}
