import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Shares and nonces of MPC groups, sealed by the token. A secret goes once, when it is used up; a row never does. */
export class Frost1795000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table frost_share (
        wallet text not null,
        output_key text not null check (output_key ~ '^[0-9a-f]{64}$'),
        epoch int not null check (epoch >= 0),
        session text not null check (session ~ '^[0-9a-f]{64}$'),
        state text not null check (state in ('PENDING', 'ACTIVE', 'RETIRED')),
        share_group json not null,
        place json not null,
        sealed text,
        at timestamptz not null,
        primary key (session),
        check ((state = 'RETIRED') = (sealed is null))
      );
      create index frost_share_wallet on frost_share (wallet);
      create index frost_share_key on frost_share (output_key, epoch);
      create unique index frost_share_in_use on frost_share (output_key) where state = 'ACTIVE';

      create table frost_nonces (
        id text primary key check (id ~ '^[0-9a-f]{64}$'),
        wallet text not null,
        session text not null references frost_share,
        payload_digest text not null,
        sealed text,
        at timestamptz not null,
        used_at timestamptz,
        -- what was signed with them, and whether it became a signature
        digests json,
        completed_at timestamptz,
        check ((sealed is null) = (used_at is not null)),
        check (completed_at is null or used_at is not null)
      );
      create index frost_nonces_session on frost_nonces (session, used_at);

      create table frost_lock (
        wallet text not null,
        -- how many charter entries this signer had applied: only what comes after can reopen the group
        entries int not null,
        at timestamptz not null,
        primary key (wallet, entries)
      );
      create trigger frost_lock_written_once before update or delete or truncate on frost_lock
        for each statement execute function refuse_change();

      create function keep_frost_share() returns trigger language plpgsql as $$
      begin
        if tg_op = 'UPDATE' and (to_jsonb(new) - array['state', 'sealed']) = (to_jsonb(old) - array['state', 'sealed'])
           and (new.sealed = old.sealed or new.state = 'RETIRED') and old.state <> 'RETIRED' then
          return new;
        end if;
        raise exception '% of a share is refused', tg_op using errcode = 'restrict_violation';
      end $$;
      create trigger frost_share_kept before update or delete on frost_share
        for each row execute function keep_frost_share();

      create function keep_frost_nonces() returns trigger language plpgsql as $$
      begin
        if tg_op = 'UPDATE' and (to_jsonb(new) - array['sealed', 'used_at', 'digests']) = (to_jsonb(old) - array['sealed', 'used_at', 'digests'])
           and old.used_at is null and new.used_at is not null then
          return new;
        end if;
        if tg_op = 'UPDATE' and (to_jsonb(new) - 'completed_at') = (to_jsonb(old) - 'completed_at')
           and old.completed_at is null then
          return new;
        end if;
        raise exception '% of nonces is refused: they are used once', tg_op using errcode = 'restrict_violation';
      end $$;
      create trigger frost_nonces_kept before update or delete on frost_nonces
        for each row execute function keep_frost_nonces();
      create trigger frost_share_not_truncated before truncate on frost_share
        for each statement execute function refuse_change();
      create trigger frost_nonces_not_truncated before truncate on frost_nonces
        for each statement execute function refuse_change();`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table frost_lock, frost_nonces, frost_share;
      drop function keep_frost_share();
      drop function keep_frost_nonces()`);
  }
}
