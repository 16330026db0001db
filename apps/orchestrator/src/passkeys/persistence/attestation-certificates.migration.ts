import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AttestationCertificates1795000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- DER in base64, the authenticator's own first; what came before is in attestation_object
      alter table passkey_registration add column certificates jsonb not null default '[]';`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table passkey_registration drop column certificates');
  }
}
