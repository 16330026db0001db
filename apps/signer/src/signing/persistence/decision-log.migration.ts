import type { MigrationInterface, QueryRunner } from 'typeorm';

export class DecisionLog1795000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- null in decisions of before the log was a chain
      alter table decision
        add column position int unique check (position >= 0),
        add column hash text unique check (hash ~ '^[0-9a-f]{64}$'),
        add column record text,
        add constraint decision_chained check ((position is null) = (hash is null) and (hash is null) = (record is null));

      create table spend (
        payload_digest text primary key,
        wallet text not null,
        asset text not null,
        amount numeric(78,0) not null check (amount > 0),
        at timestamptz not null
      );
      create index spend_asset_at on spend (asset, at);
      create trigger spend_written_once before update or delete or truncate on spend
        for each statement execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table spend;
      alter table decision
        drop constraint decision_chained,
        drop column position,
        drop column hash,
        drop column record`);
  }
}
