import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['decision', 'commitment', 'signature'];

export class Signing1795000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table decision (
        id bigserial primary key,
        kind text not null check (kind in ('transfer', 'gas')),
        subject text not null,
        intent_digest text,
        payload_digest text not null,
        accepted boolean not null,
        code text,
        facts json not null,
        charter_heads json not null,
        at timestamptz not null,
        check (accepted = (code is null))
      );
      create index decision_payload_digest on decision (payload_digest);

      create table commitment (
        resource text primary key,
        payload_digest text not null,
        intent_digest text,
        wallet text not null,
        at timestamptz not null
      );
      create index commitment_payload_digest on commitment (payload_digest);

      create table signature (
        payload_digest text primary key,
        wallet text not null,
        signatures jsonb not null,
        at timestamptz not null
      );`);
    for (const table of TABLES) {
      await runner.query(`
        create trigger ${table}_written_once before update or delete or truncate on ${table}
          for each statement execute function refuse_change()`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table decision, commitment, signature');
  }
}
