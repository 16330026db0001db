import type { MigrationInterface, QueryRunner } from 'typeorm';

export class IdempotencyKeys1795000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table idempotency_key (
        member text not null,
        key text not null,
        body_hash char(64) not null,
        status int,
        -- given again as it was; jsonb would refuse what a caller may have sent, such as U+0000
        response json,
        claimed_at timestamptz not null default now(),
        primary key (member, key)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table idempotency_key');
  }
}
