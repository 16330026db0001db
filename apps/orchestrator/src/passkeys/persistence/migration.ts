import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Passkeys1795000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- what a member was asked to sign in order to register; taken out when it is used
      create table passkey_challenge (
        challenge text primary key,
        member text not null,
        expires_at timestamptz not null
      );
      create index passkey_challenge_expiry on passkey_challenge (expires_at);

      -- what was registered, with the attestation as it came: it gives no right, the charter does
      create table passkey_registration (
        credential text primary key,
        member text not null,
        key jsonb not null,
        format text not null,
        aaguid uuid not null,
        attestation_object bytea not null,
        client_data bytea not null,
        registered_at timestamptz not null default now()
      );
      create trigger passkey_registration_written_once before update or delete on passkey_registration
        for each row execute function refuse_change();

      -- the last signature counter that each credential has shown
      create table webauthn_counter (
        credential text primary key,
        count bigint not null check (count between 0 and 4294967295)
      );

      -- a member may withdraw, and may give a new word when the old one counts no more; each statement is taken once
      alter table approval
        drop constraint approval_intent_digest_person_key,
        drop constraint approval_decision_check,
        add check (decision in ('APPROVE', 'REJECT', 'WITHDRAW'));
      create unique index approval_taken_once on approval (
        intent_digest, person, decision, (approval->'statement'->>'key'), (approval->'statement'->>'expiresAt')
      );`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop index approval_taken_once;
      alter table approval
        drop constraint approval_decision_check,
        add check (decision in ('APPROVE', 'REJECT')),
        add unique (intent_digest, person);
      drop table webauthn_counter, passkey_registration, passkey_challenge;`);
  }
}
