import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The confirmations that a share was put into use by, for members that a refresh was cut off at. Nothing of it is secret. */
export class FrostConfirmation1795000000051 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table frost_confirmation (
        session text primary key references frost_share,
        messages json not null
      );
      create trigger frost_confirmation_written_once before update or delete or truncate on frost_confirmation
        for each statement execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table frost_confirmation');
  }
}
