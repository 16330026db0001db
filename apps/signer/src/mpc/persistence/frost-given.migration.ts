import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * When the share of used nonces was given: only that counts towards the lock of a group, not a second round that was
 * refused. Those used before count as they did. And what each round asks is found without reading all nonces ever used.
 */
export class FrostGiven1795000000070 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table frost_nonces add column given_at timestamptz,
        add constraint frost_nonces_given_once_used check (given_at is null or used_at is not null);
      ${keepNonces(['given_at', 'completed_at'])}
      update frost_nonces set given_at = used_at where digests is not null;
      create index frost_nonces_open on frost_nonces (wallet, at) where used_at is null;
      create index frost_nonces_unfinished on frost_nonces (wallet, given_at) where completed_at is null;
      create index frost_nonces_completed on frost_nonces (wallet, given_at) where completed_at is not null;`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop index frost_nonces_open, frost_nonces_unfinished, frost_nonces_completed;
      ${keepNonces(['completed_at'])}
      alter table frost_nonces drop constraint frost_nonces_given_once_used, drop column given_at;`);
  }
}

/** Nonces are used once, and then each of these is written once. */
const keepNonces = (writtenOnce: readonly string[]): string => `
  create or replace function keep_frost_nonces() returns trigger language plpgsql as $$
  begin
    if tg_op = 'UPDATE' and (to_jsonb(new) - array['sealed', 'used_at', 'digests']) = (to_jsonb(old) - array['sealed', 'used_at', 'digests'])
       and old.used_at is null and new.used_at is not null then
      return new;
    end if;${writtenOnce
      .map(
        (column) => `
    if tg_op = 'UPDATE' and (to_jsonb(new) - '${column}') = (to_jsonb(old) - '${column}') and old.${column} is null then
      return new;
    end if;`,
      )
      .join('')}
    raise exception '% of nonces is refused: they are used once', tg_op using errcode = 'restrict_violation';
  end $$;`;
