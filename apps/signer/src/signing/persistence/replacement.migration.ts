import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was committed for an intent is looked up when another is to be signed in its place. */
export class Replacement1795000000040 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create index commitment_intent_digest on commitment (intent_digest)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index commitment_intent_digest');
  }
}
