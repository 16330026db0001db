import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Charter1795000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception '% of % is refused: it is written once', tg_op, tg_table_name using errcode = 'restrict_violation';
      end $$;

      create table charter_entry (
        position bigserial primary key,
        chain text not null,
        sequence int not null,
        hash char(64) not null unique,
        entry jsonb not null,
        enacted_at timestamptz not null,
        unique (chain, sequence)
      );
      create trigger charter_entry_written_once before update or delete on charter_entry
        for each row execute function refuse_change();
      create trigger charter_entry_not_truncated before truncate on charter_entry
        for each statement execute function refuse_change();

      create table charter_intent (
        id uuid primary key,
        digest char(64) not null unique,
        intent jsonb not null,
        proposal jsonb not null,
        status text not null check (status in ('PENDING_APPROVAL', 'ENACTED', 'REJECTED', 'LAPSED')),
        refusal jsonb,
        created_at timestamptz not null default now()
      );

      -- approvals of intents of every kind; a person's word on one intent is given once
      create table approval (
        id bigserial primary key,
        intent_digest char(64) not null,
        member text not null,
        person text not null,
        decision text not null check (decision in ('APPROVE', 'REJECT')),
        approval jsonb not null,
        created_at timestamptz not null default now(),
        unique (intent_digest, person)
      );
      create trigger approval_written_once before update or delete on approval
        for each row execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table approval, charter_intent, charter_entry; drop function refuse_change()');
  }
}
