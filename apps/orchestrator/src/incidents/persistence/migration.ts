import type { MigrationInterface, QueryRunner } from 'typeorm';

export class IncidentLife1795000000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- some are of the whole firm
      alter table incident
        alter column owner drop not null,
        alter column wallet drop not null,
        add check ((owner is null) = (wallet is null)),
        -- the charter intent that closed it
        add column closed_by uuid,
        add column resolution text,
        add column closed_at timestamptz,
        add check ((status = 'CLOSED') = (closed_by is not null)),
        add check ((closed_by is null) = (resolution is null)),
        add check ((closed_by is null) = (closed_at is null));`);
  }

  /** Throws when there are incidents that the earlier form cannot hold. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table incident
        drop column closed_at,
        drop column resolution,
        drop column closed_by,
        alter column owner set not null,
        alter column wallet set not null;`);
  }
}
