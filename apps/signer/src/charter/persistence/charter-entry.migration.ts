import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CharterEntry1795000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception '% of % is refused: it is written once', tg_op, tg_table_name
          using errcode = 'restrict_violation';
      end $$;

      create table charter_entry (
        position int primary key check (position >= 0),
        chain text not null,
        sequence int not null check (sequence >= 0),
        hash text not null unique check (hash ~ '^[0-9a-f]{64}$'),
        entry text not null,
        applied_at timestamptz not null,
        unique (chain, sequence)
      );
      create trigger charter_entry_written_once before update or delete or truncate on charter_entry
        for each statement execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table charter_entry; drop function refuse_change()');
  }
}
