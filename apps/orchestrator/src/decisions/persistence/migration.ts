import type { MigrationInterface, QueryRunner } from 'typeorm';

export class SignerRecords1795000000015 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table signer_decision disable trigger signer_decision_written_once;
      alter table signer_decision
        alter column transfer drop not null,
        -- decisions of transfers that a restored database lacks are kept all the same
        drop constraint signer_decision_transfer_fkey,
        add column position int;
      update signer_decision set position = (decision->'record'->>'position')::int;
      alter table signer_decision alter column position set not null;
      alter table signer_decision enable trigger signer_decision_written_once;
      create index signer_decision_position on signer_decision (signer, position);
      create index signer_decision_payload on signer_decision ((decision->'record'->>'payloadDigest'));

      -- how far each signer's chain of decisions has been followed
      create table signer_record (
        signer text primary key,
        count int not null check (count >= 0),
        hash char(64) not null
      );`);
  }

  /** Throws when there are decisions about other things than transfers. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table signer_record;
      drop index signer_decision_payload, signer_decision_position;
      alter table signer_decision
        drop column position,
        add constraint signer_decision_transfer_fkey foreign key (transfer) references transfer (id),
        alter column transfer set not null;`);
  }
}
