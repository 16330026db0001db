import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What this signer made and destroyed. A key is made once and destroyed once. */
export class KeyRecord1795000000036 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table key_record (
        public_key text primary key check (public_key ~ '^0[23][0-9a-f]{64}$'),
        wallet text not null,
        attributes json,
        created_at timestamptz,
        destroyed_at timestamptz,
        destroyed_by json,
        check ((destroyed_at is null) = (destroyed_by is null))
      );
      create function keep_key_record() returns trigger language plpgsql as $$
      begin
        if tg_op = 'UPDATE' and old.destroyed_at is null
           and (to_jsonb(new) - array['destroyed_at', 'destroyed_by']) = (to_jsonb(old) - array['destroyed_at', 'destroyed_by']) then
          return new;
        end if;
        raise exception '% of a key record is refused', tg_op using errcode = 'restrict_violation';
      end $$;
      create trigger key_record_kept before update or delete on key_record
        for each row execute function keep_key_record();
      create trigger key_record_not_truncated before truncate on key_record
        for each statement execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table key_record; drop function keep_key_record()');
  }
}
