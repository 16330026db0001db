import type { MigrationInterface, QueryRunner } from 'typeorm';

export class SignerDecision1795000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table signer_decision (
        signer text not null,
        hash char(64) not null,
        transfer uuid not null references transfer (id),
        decision jsonb not null,
        at timestamptz not null default now(),
        primary key (signer, hash)
      );
      create index signer_decision_transfer on signer_decision (transfer);
      create trigger signer_decision_written_once before update or delete on signer_decision
        for each row execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table signer_decision');
  }
}
